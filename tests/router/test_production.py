from tests.router.settings_faults import router_faults


def test_production_refuses_what_is_open_and_names_all_of_it():
    environment = {
        "ENVIRONMENT": "production",
        "ROUTER_CORS_ORIGINS": "*",
        "ROUTER_EXPOSE_QUERY_PLAN": "true",
    }
    names = [line.partition(":")[0] for line in router_faults(environment).splitlines()]
    assert names == [
        "ROUTER_SECRET",
        "ROUTER_INTROSPECTION",
        "ROUTER_EXPOSE_QUERY_PLAN",
        "ROUTER_CORS_ORIGINS",
    ]
    assert router_faults(environment | {"ENVIRONMENT": "development"}) == ""


def test_another_environment_is_refused():
    assert router_faults({"ENVIRONMENT": "prod"}) == "ENVIRONMENT: prod is none of development, production"
