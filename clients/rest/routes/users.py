"""Accounts: registration, sessions, profiles."""

from fastapi import APIRouter, Response

from clients.rest import errors
from clients.rest.dependencies import Anonymous, Authenticated, OptionallyAuthenticated
from clients.rest.json_route import JsonRoute, PathId
from clients.rest.models.users import (
    ConfirmEmailBody,
    LoginBody,
    ProfileBody,
    RefreshBody,
    RegisterBody,
    Tokens,
    User,
)
from clients.rest.responses import created, no_content, ok, refusals

router = APIRouter(prefix="/api/v1/users", tags=["users"], route_class=JsonRoute)


@router.post(
    "",
    status_code=201,
    response_model=Tokens,
    responses=refusals(409, body=True),
    summary="Create an account",
)
async def create_user(body: RegisterBody, session: Anonymous) -> Response:
    """The same as `POST /api/v1/users/register`."""
    return await register(body, session)


@router.post(
    "/register",
    status_code=201,
    response_model=Tokens,
    responses=refusals(409, body=True),
    summary="Register",
)
async def register(body: RegisterBody, session: Anonymous) -> Response:
    """Creates an account and logs it in."""
    success = await session.mutate("Register", input=body.variables())
    tokens = Tokens.model_validate(success["auth"])
    return created(tokens, location=f"/api/v1/users/{tokens.user.id}", private=True)


@router.post("/login", response_model=Tokens, responses=refusals(401, 403, body=True), summary="Log in")
async def login(body: LoginBody, session: Anonymous) -> Response:
    success = await session.mutate("Login", input=body.variables())
    return ok(Tokens.model_validate(success["auth"]), private=True)


@router.post(
    "/refresh", response_model=Tokens, responses=refusals(401, body=True), summary="Renew the tokens"
)
async def refresh(body: RefreshBody, session: Anonymous) -> Response:
    """Each refresh token works once: keep the new one. Using an old one again ends the session."""
    success = await session.mutate("RefreshToken", refreshToken=body.refresh_token)
    return ok(Tokens.model_validate(success["auth"]), private=True)


@router.delete("/logout", status_code=204, responses=refusals(401), summary="Log out")
async def logout(session: Authenticated) -> Response:
    """Ends this session; its tokens stop working."""
    await session.mutate("Logout")
    return no_content()


@router.post("/logout", status_code=204, responses=refusals(401), summary="Log out")
async def post_logout(session: Authenticated) -> Response:
    """The same as `DELETE /api/v1/users/logout`."""
    return await logout(session)


@router.get("/profile", response_model=User, responses=refusals(401), summary="One's own account")
async def read_profile(session: Authenticated) -> Response:
    node = await session.query("Me")
    if node is None:
        raise errors.named("UNAUTHENTICATED", "The access token is not accepted; log in again.")
    return ok(User.model_validate(node))


@router.put(
    "/profile", response_model=User, responses=refusals(401, 409, body=True), summary="Change one's account"
)
async def update_profile(body: ProfileBody, session: Authenticated) -> Response:
    """Another e-mail address holds once it is confirmed; until then the answer has the present one."""
    success = await session.mutate("UpdateProfile", input=body.variables())
    return ok(User.model_validate(success["user"]))


@router.post(
    "/confirm-email",
    response_model=User,
    responses=refusals(409, body=True),
    summary="Confirm a new e-mail address",
)
async def confirm_email(body: ConfirmEmailBody, session: Anonymous) -> Response:
    """Needs no login: the token was sent to the address. Ends all sessions but the one that asked for the change."""
    success = await session.mutate("ConfirmEmail", token=body.token)
    return ok(User.model_validate(success["user"]))


@router.get("/{id}", response_model=User, responses=refusals(401, 403, 404), summary="An account")
async def read_user(id: PathId, session: OptionallyAuthenticated) -> Response:  # noqa: A002 - the documented name of the parameter
    """Personal fields are null unless the account is one's own, or one manages users."""
    node = await session.query("User", id=id)
    if node is None:
        raise errors.not_found("user")
    return ok(User.model_validate(node))
