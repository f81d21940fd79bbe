"""Divolte Collector: its configuration (HOCON) and its mapping scripts (a part of Groovy), read and never executed.

What has no counterpart is named with file, line and reason. The configuration is checked by Divolte's own rules first.
Included files, schemas and scripts are read from the configuration's folder only: copy what stands elsewhere there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from watchbell.domain.errors import Fault, Faulty
from watchbell.importers.divolte.checking import check
from watchbell.importers.divolte.collector import collector_settings, event_settings
from watchbell.importers.divolte.hocon import load
from watchbell.importers.divolte.mappings import mapping_objects
from watchbell.importers.divolte.reading import read_settings
from watchbell.importers.divolte.remarks import Remarks
from watchbell.importers.divolte.sinks import sink_settings
from watchbell.ports.importer import Imported


class Divolte:
    """Reads `divolte-collector.conf`."""

    name: ClassVar[str] = "divolte"
    title: ClassVar[str] = "Divolte Collector"

    def read(self, file: Path, environment: Mapping[str, str]) -> Imported:
        """See Importer."""
        settings, problems = read_settings(load(file, environment))
        problems = problems or check(settings)
        if problems:
            raise Faulty(Fault(field=f"{each.place}: {each.path}", reason=each.reason) for each in problems)
        remarks = Remarks()
        collector = collector_settings(settings, remarks)
        collector["sinks"] = sink_settings(settings, remarks)
        objects, headers = mapping_objects(settings, file.parent, remarks)
        if headers:
            collector["kept_headers"] = headers
        events = event_settings(settings, remarks)
        sections = {"collector": collector, **({"events": events} if events else {})}
        secret = any("password" in sink for sink in collector["sinks"].values())
        return Imported(settings=sections, objects=objects, remarks=remarks.sorted(), secret=secret)
