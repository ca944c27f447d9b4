"""A server that does one thing with every connection, a thread each."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def accepting(act: Callable[[socket.socket], None]) -> Iterator[str]:
    """Its origin; what `act` leaves open is closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []

    def one(sock: socket.socket) -> None:
        try:
            act(sock)
        except OSError:
            sock.close()

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.settimeout(20)
            accepted.append(sock)
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for sock in accepted:
        sock.close()
    thread.join(10)
