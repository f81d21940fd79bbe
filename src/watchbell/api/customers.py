"""`/api/customers` and `/api/customer`: whose customers people are, by login, role, group or mail domain."""

from typing import Annotated, Any, TypeAlias, TypedDict

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath

from watchbell.api.alerts import answer, base_of
from watchbell.api.auth import principal_of, requires
from watchbell.api.contract import Done, Text, said, told
from watchbell.api.groups import texts_of
from watchbell.api.needs import Needed
from watchbell.api.paging import listed, page_of
from watchbell.api.wire import mapping_of, ok
from watchbell.domain.accounts import CustomerLookup
from watchbell.usecases.directory import Directory

READ = [requires("read:customers")]
ADMIN = [requires("admin:customers")]


class LookupChange(msgspec.Struct):
    """What is said of a look-up."""

    match: Text = None
    """A login, role, group or mail domain."""
    customer: Text = None


NewLookup: TypeAlias = Annotated[LookupChange, msgspec.Meta(extra_json_schema={"required": ["match", "customer"]})]


class LookupBody(TypedDict):
    """Whoever `match` describes belongs to `customer`."""

    customer: str
    href: str
    id: str
    match: str


_ONE = said(id=str, customer=LookupBody)


@get("/api/customers", guards=READ, opt=listed("customers", LookupBody))
async def customers(request: Request[Any, Any, Any], directory: Needed[Directory]) -> dict[str, Any]:
    """A page of the look-ups, by what they match."""
    base = base_of(request)
    return page_of(request, "customers", [shown(each, base) for each in await directory.customers()])


@get("/api/customer/{lookup_id:str}", guards=READ, opt=told(answer=said(customer=LookupBody, total=int)))
async def one(
    request: Request[Any, Any, Any], lookup_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """One look-up."""
    return ok(customer=shown(await directory.customer(lookup_id), base_of(request)), total=1)


@post("/api/customer", guards=ADMIN, opt=told(body=NewLookup, answer=_ONE))
async def create(request: Request[Any, Any, Any], directory: Needed[Directory]) -> Response[bytes]:
    """Make a look-up: whoever `match` describes belongs to `customer`."""
    given, base = texts_of(await mapping_of(request), "match", "customer"), base_of(request)
    found = await directory.save_customer(principal_of(request), "", given["match"] or "", given["customer"] or "")
    response = answer({"customer": shown(found, base), "id": found.id, "status": "ok"}, 201)
    response.headers["Location"] = f"{base}/customer/{found.id}"
    return response


@put("/api/customer/{lookup_id:str}", guards=ADMIN, opt=told(body=LookupChange, answer=_ONE))
async def change(
    request: Request[Any, Any, Any], lookup_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Change what is given of a look-up."""
    given = texts_of(await mapping_of(request), "match", "customer")
    found = await directory.save_customer(principal_of(request), lookup_id, **given)
    return ok(id=found.id, customer=shown(found, base_of(request)))


@delete("/api/customer/{lookup_id:str}", guards=ADMIN, status_code=200, opt=told(answer=Done))
async def remove(
    request: Request[Any, Any, Any], lookup_id: FromPath[str], directory: Needed[Directory]
) -> dict[str, Any]:
    """Delete a look-up."""
    await directory.delete_customer(principal_of(request), lookup_id)
    return ok()


def shown(lookup: CustomerLookup, base: str) -> LookupBody:
    """A look-up as the wire has it."""
    return {
        "customer": lookup.customer,
        "href": f"{base}/customer/{lookup.id}",
        "id": lookup.id,
        "match": lookup.match,
    }


routes = [customers, one, create, change, remove]
