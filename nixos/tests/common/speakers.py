import json


def speakers():
    """Who spoke, in the order in which the small Discord heard it; who speaks on stands there once."""
    lines = world.succeed("journalctl --unit discord --output cat").splitlines()
    heard = [json.loads(line) for line in lines if line.startswith("{")]
    order = []
    for entry in heard:
        if entry.get("spoke") and order[-1:] != [entry["source"]]:
            order.append(entry["source"])
    return order


def wait_for(condition, what, seconds=600):
    for _ in range(seconds):
        if condition(speakers()):
            return
        world.sleep(1)
    raise Exception(f"{what}: {speakers()}")


