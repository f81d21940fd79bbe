"""Sends a line about each alert to a syslog server."""

import socket

from alerta.plugins import PluginBase


class SendSyslogMessage(PluginBase):
    """Syslog, by UDP."""

    def pre_receive(self, alert, **kwargs):
        return alert

    def post_receive(self, alert, **kwargs):
        if alert.repeat:
            return
        host, _, port = self.get_config("SYSLOG_SERVER", **kwargs).partition(":")
        words = [alert.get_id(short=True), alert.environment, alert.resource, alert.event, alert.severity]
        line = f"<14>alerta: {' '.join(words)}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.sendto(line.encode(), (host, int(port)))

    def status_change(self, alert, status, text, **kwargs):
        return
