"""What mutations take."""

import strawberry

_OPTIONAL = "Absent leaves it as it is; null or empty clears it."


@strawberry.input(description="A new account.")
class RegisterInput:
    username: str = strawberry.field(
        description="3 to 32 letters, digits, `_`, `.` or `-`; unique without regard to case."
    )
    email: str = strawberry.field(description="Unique without regard to case.")
    password: str = strawberry.field(
        description="8 to 128 characters of any kind; not a common password, nor one's own name."
    )
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = strawberry.field(
        default=None,
        description="7 to 15 digits, `+` first where international; spaces and dashes are dropped.",
    )
    address: str | None = None


@strawberry.input(description="The password, and one of the two names of an account.")
class LoginInput:
    email: str | None = None
    username: str | None = None
    password: str


@strawberry.input(description="Changes of one's own account.")
class UpdateProfileInput:
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="Absent leaves it as it is; it cannot be cleared."
    )
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL)
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL)
    phone: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL)
    address: str | None = strawberry.field(default=strawberry.UNSET, description=_OPTIONAL)
