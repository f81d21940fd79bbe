"""`watchbell user` and `watchbell key`: on the store, so that they work on the server; by the API with --url."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer

from watchbell.cli.client import JsonOption, KeyOption, UrlOption, api, remote, segment
from watchbell.cli.output import show_json, show_rows
from watchbell.cli.serve import ConfigOption, DataOption

PANEL = "People and keys"
T = TypeVar("T")

user_app = typer.Typer(no_args_is_help=True, help="People who may log in.")
key_app = typer.Typer(no_args_is_help=True, help="API keys for programs.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(user_app, name="user", rich_help_panel=PANEL)
    app.add_typer(key_app, name="key", rich_help_panel=PANEL)


@user_app.command("create")
def create_user(  # noqa: PLR0917 - Typer takes options by position
    login: Annotated[str, typer.Argument(help="What the person types to log in.")],
    role: Annotated[list[str] | None, typer.Option("--role", help="admin, user or guest; may be repeated.")] = None,
    name: Annotated[str, typer.Option("--name", help="The person's name.")] = "",
    email: Annotated[str, typer.Option("--email", help="Address for messages.")] = "",
    without_password: Annotated[bool, typer.Option("--without-password", help="They cannot log in yet.")] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Make a user. The password is asked for, or read from standard input.

    Example: watchbell user create ann --role admin --email ann@example.org
    """
    body: dict[str, Any] = {"login": login, "name": name, "email": email, "roles": role or ["user"]}
    if not without_password:
        body["password"] = _new_password()
    if remote(url):
        api(url, key).call("POST", "/api/user", body)
    else:
        _direct(config, data, lambda d, by: d.create_user(by, _change(body)))
    typer.echo(f"user {login} made")


@user_app.command("list")
def list_users(
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List users.

    Example: watchbell user list --json
    """
    from watchbell.api.rows import user_row

    if remote(url):
        found = api(url, key).get("/api/users")["users"]
    else:

        async def look(opened: Any, _: Any) -> list[Any]:
            users = await opened.administering.users()
            profiles, secured = await opened.directory.profiles(users), await opened.directory.secured(users)
            return [user_row(user, profiles[user.id], "", second_factor=user.id in secured) for user in users]

        found = _opened(config, data, look)
    if as_json:
        show_json(found)
        return
    rows = [(u["login"], u["name"], u["email"], u["roles"], u["status"], u["lastLogin"]) for u in found]
    show_rows(("Login", "Name", "E-mail", "Roles", "Status", "Last log-in"), rows)


@user_app.command("password")
def set_password(
    login: Annotated[str, typer.Argument(help="Whose.")],
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Set a password. All sessions of the user end.

    Example: watchbell user password ann
    """
    body = {"password": _new_password()}
    if remote(url):
        api(url, key).call("PUT", f"/api/user/{segment(login)}", body)
    else:
        _direct(config, data, lambda d, by: d.change_user(by, login, _change(body)))
    typer.echo(f"password of {login} set")


@user_app.command("two-step-off")
def two_step_off(
    login: Annotated[str, typer.Argument(help="Whose.")],
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Switch off two-step log-in of somebody who lost telephone and recovery codes, and remove their passkeys.

    Example: watchbell user two-step-off ann
    """
    if remote(url):
        api(url, key).call("DELETE", f"/api/user/{segment(login)}/second-factor")
    else:
        _opened(config, data, lambda opened, by: opened.two_step.turn_off_for(by, login))
    typer.echo(f"two-step log-in of {login} is off")


@user_app.command("delete")
def delete_user(
    login: Annotated[str, typer.Argument(help="Who.")],
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Delete a user with sessions and keys.

    Example: watchbell user delete ann
    """
    if remote(url):
        api(url, key).call("DELETE", f"/api/user/{segment(login)}")
    else:
        _direct(config, data, lambda d, by: d.delete_user(by, login))
    typer.echo(f"user {login} deleted")


@key_app.command("create")
def create_key(  # noqa: PLR0917 - Typer takes options by position
    scope: Annotated[list[str], typer.Option("--scope", help="Such as write:alerts, read or admin; may be repeated.")],
    text: Annotated[str, typer.Option("--text", help="What it is for.")] = "",
    days: Annotated[int | None, typer.Option("--days", help="Days until it ends; without it, never.", min=1)] = None,
    user: Annotated[str, typer.Option("--user", help="Whose it is.")] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an API key. It is printed once and kept nowhere.

    Example: watchbell key create --scope write:alerts --text "backup host"
    """
    from watchbell.api.rows import key_row
    from watchbell.api.times import moment

    ends = datetime.now(UTC) + timedelta(days=days) if days else None
    if remote(url):
        body = {"scopes": scope, "text": text, "user": user, "expireTime": moment(ends)}
        answer = api(url, key).call("POST", "/api/key", body)
        made, kept = answer["key"], answer["data"]
    else:
        made, stored = _direct(config, data, lambda d, by: d.create_key(by, scope, text, ends, user))
        kept = key_row(stored, "", datetime.now(UTC))
    if as_json:
        show_json({"key": made, "data": kept})
    else:
        typer.echo(made)


@key_app.command("list")
def list_keys(
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List API keys by their first characters.

    Example: watchbell key list
    """
    from watchbell.api.rows import NEVER, key_row
    from watchbell.api.times import moment

    if remote(url):
        found = api(url, key).get("/api/keys")["keys"]
    else:
        now = datetime.now(UTC)
        found = [key_row(stored, "", now) for stored in _direct(config, data, lambda d, by: d.keys(by))]
    if as_json:
        show_json(found)
        return
    ends = [None if k["expireTime"] == moment(NEVER) else k["expireTime"] for k in found]
    rows = [
        (k["prefix"], k["user"], k["scopes"], k["text"], end, k["lastUsedTime"])
        for k, end in zip(found, ends, strict=True)
    ]
    show_rows(("Key", "User", "Scopes", "For", "Ends", "Last used"), rows)


@key_app.command("delete")
def delete_key(
    name: Annotated[str, typer.Argument(help="Id of the key, or its first characters as `key list` shows them.")],
    config: ConfigOption = None,
    data: DataOption = None,
    url: UrlOption = None,
    key: KeyOption = None,
) -> None:
    """Revoke an API key.

    Example: watchbell key delete h7Rw2k
    """
    if remote(url):
        api(url, key).call("DELETE", f"/api/key/{segment(name)}")
    else:
        _direct(config, data, lambda d, by: d.delete_key(by, name))
    typer.echo(f"key {name} revoked")


def _direct(config: Any, data: Any, work: Callable[[Any, Any], Awaitable[T]]) -> T:
    """Do something with users and keys over the store, as the operator of the machine."""
    return _opened(config, data, lambda opened, by: work(opened.administering, by))


def _opened(config: Any, data: Any, work: Callable[[Any, Any], Awaitable[T]]) -> T:
    """The same with all use cases that commands have."""
    from watchbell.bootstrap.direct import direct
    from watchbell.cli.upkeep import settings_for
    from watchbell.usecases.administering import OPERATOR

    settings = settings_for(config, data)

    async def run() -> T:
        async with direct(settings) as opened:
            return await work(opened, OPERATOR)

    return asyncio.run(run())


def _change(body: dict[str, Any]) -> Any:
    from watchbell.usecases.administering import UserChange

    return UserChange(**body)


def _new_password() -> str:
    """Ask twice on a terminal; else take the first line of standard input.

    It is never an argument, which `ps` would show.
    """
    if sys.stdin.isatty():
        return typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise typer.BadParameter(
            "give the password on standard input, or run this on a terminal", param_hint="password"
        )
    return line
