"""The contract with other services: `schema/proto/inventory.proto`."""
