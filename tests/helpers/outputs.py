"""What a test's own process prints."""

import os
import tempfile
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout


@contextmanager
def outputs():
    """Within it both outputs go to files, also what this process, or one that it starts, writes to their
    descriptors. Yields a list that has their texts afterwards.
    """
    said = []
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(2)]
        kept = [os.dup(number) for number in (1, 2)]
        try:
            for number, file in enumerate(files, start=1):
                os.dup2(file.fileno(), number)
            with redirect_stdout(files[0]), redirect_stderr(files[1]):
                yield said
        finally:
            for number, before in enumerate(kept, start=1):
                os.dup2(before, number)
                os.close(before)
        for file in files:
            file.flush()
            file.seek(0)
            said.append(file.read())
