"""What could be cleaned up, and a clean-up that is asked for, over the API."""

from __future__ import annotations

from tests.component.house import House
from tests.component.served import Visit, converge, visit
from tests.component.test_cleaning import VOLUMES, left, one_off, put


def test_what_could_be_cleaned_up_is_told_and_goes_when_it_is_asked_for(house: House) -> None:
    house.write("shop")

    def script(there: Visit) -> None:
        converge(there)
        assert there.get("/v1/stacks/shop/cleanup")["items"] == []
        put(house, one_off("shop-run-1"), one_off("young", days=1), one_off("other-run-1", "other"))
        listed = there.get("/v1/stacks/shop/cleanup")
        assert [(one["name"], one["outcome"]) for one in listed["items"]] == [("shop-run-1", "unused")]
        assert (listed["dryRun"], listed["bytes"], listed["younger"]) == (True, 2048, {"items": 1, "bytes": 2048})
        assert listed["schedule"] == {"everySeconds": None, "lastAt": None, "nextAt": None}
        assert there.http.get("/v1/stacks/nobody/cleanup").status_code == 404
        assert there.stranger.get("/v1/stacks/shop/cleanup").status_code == 401
        done = there.ask("shop", "cleanup", olderThan=3600.0, images=False)
        assert done["exitCode"] == 0 and done["result"]["stack"] == "shop"
        assert {one["name"]: one["outcome"] for one in done["result"]["items"]} == {
            "shop-run-1": "removed",
            "young": "removed",
        }
        assert left(house) == ["other-run-1", *VOLUMES]
        assert there.get("/v1/stacks/shop/cleanup")["schedule"]["lastAt"] is None, "images were left out"
        assert there.ask("shop", "cleanup")["exitCode"] == 0
        assert there.get("/v1/stacks/shop/cleanup")["schedule"]["lastAt"] is not None
        refused = there.http.post("/v1/stacks/shop/intents", json={"verb": "cleanup", "olderThan": -1})
        assert refused.status_code == 422

    visit(house, script)
