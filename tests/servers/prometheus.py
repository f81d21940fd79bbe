"""Prometheus, which watches one target and sends its alerts to an Alertmanager of the test's choice."""

import json
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from servers.process import Folder, ServerProcess, free_port, is_listening

_RULES = {
    "groups": [
        {
            "name": "test",
            "rules": [
                {
                    "alert": "TargetDown",
                    "expr": "up == 0",
                    "labels": {"severity": "critical", "service": "shop"},
                    "annotations": {"summary": "{{ $labels.instance }} is down"},
                }
            ],
        }
    ]
}


class PrometheusServer:
    """Scrapes ``target`` (``host:port``) each second and tells ``alertmanager`` (a URL) whether it is up."""

    def __init__(self, program: str, target: str, alertmanager: str, key: str) -> None:
        self._folder = Folder("prometheus")
        self.port = free_port()
        where = urlsplit(alertmanager)
        receiver = {
            "scheme": where.scheme,
            "path_prefix": where.path,
            "api_version": "v2",
            "authorization": {"type": "Key", "credentials": key},
            "tls_config": {"insecure_skip_verify": True},
            "static_configs": [{"targets": [where.netloc]}],
        }
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "web", "static_configs": [{"targets": [target]}]}],
            "alerting": {"alertmanagers": [receiver]},
        }
        # JSON is YAML.
        (self._folder.path / "prometheus.yml").write_text(json.dumps(configuration))
        (self._folder.path / "rules.yml").write_text(json.dumps(_RULES))
        command = [
            program,
            f"--config.file={self._folder.path}/prometheus.yml",
            f"--storage.tsdb.path={self._folder.path}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self.process = ServerProcess("prometheus", command, folder=self._folder.path)

    def __enter__(self) -> Self:
        self.process.start().wait_ready(lambda: is_listening(self.port), timeout=30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.stop()
        self._folder.remove()
