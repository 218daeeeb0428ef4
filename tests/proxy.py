"""A proxy on the loopback address that can cut all connections and refuse new ones, as a bad network does."""

import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards connections to a port of this machine, until `cut` is called."""

    def __init__(self, port: int) -> None:
        self.to, self.open, self.pairs = port, True, list[socket.socket]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            if not self.open:
                raise OSError("cut")
            server = socket.create_connection(("127.0.0.1", self.to))
        except OSError:
            client.close()
            return
        self.pairs += [client, server]
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self.open = False
        pairs, self.pairs = self.pairs, []
        for each in pairs:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def mend(self) -> None:
        """Accept connections again."""
        self.open = True

    def close(self) -> None:
        self.cut()
        self.listener.close()
