"""What an `alertad.conf` says of Alerta's own pages, which `/api/config` tells them."""

from watchbell.importers.alerta import Alerta
from watchbell.loading import Beneath, load
from watchbell.toolkit.alerta_pages import looks_of


def test_what_alertas_pages_begin_with_is_told_to_them(tmp_path):
    file = tmp_path / "alertad.conf"
    file.write_text(
        """
COLUMNS = ['severity', 'resource', 'region']
SORT_LIST_BY = ['-lastReceiveTime']
DEFAULT_FILTER = {'status': ['open', 'assign']}
ASI_SEVERITY = ('critical', 'major')
ASI_QUERIES = [{'text': 'Misc', 'query': 'group=Misc'}, {'text': 'Shop', 'query': [['service', 'Shop']]}]
DATE_FORMAT_SHORT_TIME = 'h:mm'
DEFAULT_FONT = {'font-family': 'Sintony', 'font-weight': 500}
DEFAULT_AUDIO_FILE = None
CLIPBOARD_TEMPLATE = '{{ alert.id }}'
SITE_LOGO_URL = 'https://example.org/logo.png'
GOOGLE_TRACKING_ID = 'UA-1'
AUTO_REFRESH_INTERVAL = 10000
AUTH_REQUIRED = True
"""
    )
    imported = Alerta().read(file, {})
    assert imported.remarks == []
    pages = load(environment={}, beneath=Beneath(imported.settings, "alertad.conf")).alerta_pages
    assert (pages.columns, pages.sort_by) == (["severity", "resource", "region"], ["-lastReceiveTime"])
    assert (pages.filter, pages.indicator_severities) == ({"status": ["open", "assign"]}, ["critical", "major"])
    assert pages.indicator_queries[1] == {"text": "Shop", "query": [["service", "Shop"]]}
    assert looks_of(pages) == {
        "audio": {"new": None},
        "clipboard_template": "{{ alert.id }}",
        "columns": ["severity", "resource", "region"],
        "dates": {"shortTime": "h:mm", "mediumDate": "ddd D MMM HH:mm", "longDate": "ddd D MMM, YYYY HH:mm:ss.SSS Z"},
        "font": {"font-family": "Sintony", "font-weight": 500},
        "refresh_interval": 10000,
        "site_logo_url": "https://example.org/logo.png",
        "sort_by": ["-lastReceiveTime"],
        "tracking_id": "UA-1",
    }
