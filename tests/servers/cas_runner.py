"""django-cas-server as a CAS, for the Python of its own environment: `cas_runner.py FOLDER PORT`.

Knows one person, who is in `FOLDER/person.json`, read anew for each ticket, and lets every page of the loopback be a
service.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

FOLDER, PORT = Path(sys.argv[1]), int(sys.argv[2])
django: Any = import_module("django")
import_module("django.conf").settings.configure(
    SECRET_KEY="of this test only",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="cas_runner",
    INSTALLED_APPS=[
        *(f"django.contrib.{name}" for name in ("auth", "contenttypes", "sessions", "messages", "staticfiles")),
        "cas_server",
    ],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.locale.LocaleMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "cas.db")}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
    STATIC_URL="/static/",
    CAS_AUTH_CLASS="cas_runner.Person",
    CAS_NEW_VERSION_HTML_WARNING=False,
    CAS_SHOW_SERVICE_MESSAGES=False,
)
sys.modules["cas_runner"] = sys.modules[__name__]
django.setup()
AuthUser: Any = import_module("cas_server.auth").AuthUser


class Person(AuthUser):
    """The one person."""

    def test_password(self, password: str) -> bool:
        """Whether this is their password."""
        known = json.loads((FOLDER / "person.json").read_text())
        return self.username == known["user"] and password == known["password"]

    def attributs(self) -> dict[str, Any]:
        """What is known of them."""
        return json.loads((FOLDER / "person.json").read_text())["attributes"]


urls: Any = import_module("django.urls")
urlpatterns = [urls.re_path("^", urls.include("cas_server.urls", namespace="cas_server"))]


class Quiet(WSGIRequestHandler):
    """Says nothing of requests."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as it is called
        """Say nothing."""


import_module("django.core.management").call_command("migrate", verbosity=0)
models: Any = import_module("cas_server.models")
pattern = models.ServicePattern.objects.create(pos=1, name="here", pattern=r"^http://127\.0\.0\.1[:/].*$")
for attribute in ("mail", "displayName", "groups", "roles"):
    models.ReplaceAttributName.objects.create(name=attribute, service_pattern=pattern)
make_server(
    "127.0.0.1", PORT, import_module("django.core.wsgi").get_wsgi_application(), handler_class=Quiet
).serve_forever()
