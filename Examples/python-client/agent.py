# SPDX-License-Identifier: Apache-2.0
"""A program that asks before each of its own tools: see README.md."""
from door import Denied, Door

door = Door()
tools = {"agent__add": lambda a, b: a + b, "agent__remove": lambda path: f"removed {path}"}
for tool, arguments in [("agent__add", {"a": 40, "b": 2}), ("agent__remove", {"path": "/etc/passwd"}), ("agent__add", {"a": 1, "b": 1}), ("agent__add", {"a": 2, "b": 2})]:
    try:
        with door.ask(tool, arguments) as lease:
            print(tool, "->", tools[tool](**arguments))
    except Denied as no:
        print(tool, "->", no)
print("left:", [(row["dimension"], row["left"]) for row in door.budget()])
door.log({"done": True})
