"""What many processes do to one storage at once. They import it: a fork of a test's process would lack its
threads, and may wait for a lock that one of them held.
"""

import multiprocessing

from orchestrator.errors import UserError
from orchestrator.storage.identity import Identity
from orchestrator.storage.url_folder import Storage


def processes(number):
    """A pool of processes."""
    return multiprocessing.get_context("forkserver").Pool(number)


def probe(url):
    Storage(url).check()


def claim(url):
    """The identity with which the storage was claimed; None where it is another's."""
    identity = Identity.new("c", "s")
    try:
        identity.claim(Storage(url), new=True)
    except UserError:
        return None
    return identity.run
