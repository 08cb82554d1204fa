"""What answers at the address of a head of Ray, as far as a look at it goes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

_ASKED = "/ray.rpc.NodeInfoGcsService/GetClusterId"


@contextmanager
def pretended_head(refusal: grpc.StatusCode | None = None, asked: str = _ASKED) -> Iterator[str]:
    """A server of gRPC that answers ``asked``, with ``refusal`` where one is given; its address."""

    def answer(_: bytes, context: grpc.ServicerContext) -> bytes:
        if refusal is not None:
            context.abort(refusal, "as asked")
        return b""

    class Handler(grpc.GenericRpcHandler):
        def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            return grpc.unary_unary_rpc_method_handler(answer) if call.method == asked else None

    server = grpc.server(ThreadPoolExecutor(1), handlers=[Handler()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None)
