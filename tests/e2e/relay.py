"""Stands between a program and its server, so that a test can make the way silent, slow or broken."""
import contextlib
import socket
import threading
import time


class Relay:
    """Passes TCP on to `target`, an address and port. Without one, or while `is_silent`, it accepts and never says a word.

    Not faster than `bytes_per_second` towards the server (None: at once); with `slows_answers` not back either.
    """

    def __init__(self, target=None, slows_answers=False):
        self.target, self.slows_answers = target, slows_answers
        self.is_silent, self.bytes_per_second = target is None, None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open, self.silent = set(), []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.add(client)
            if self.is_silent:
                self.silent.append(client)
                continue
            try:
                server = socket.create_connection(self.target, 5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            self.open.add(server)
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, self.slows_answers), daemon=True).start()

    def _pass(self, source, sink, is_slow):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while is_slow and data and (rate := self.bytes_per_second):
                    piece = max(1, rate // 20)
                    sink.sendall(data[:piece])
                    data = data[piece:]
                    time.sleep(0.05)  # the rate of the slow link
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.open.discard(source)
        source.close()

    def end_connections(self):
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.end_connections()
        for one in list(self.silent):
            one.close()
