"""JSON records of the generated corpus: eight schemas, as prompts that describe a record and the record itself.

A document is `Describe a person as JSON: <facts in words>` and on the next line the record.  Compact, spaced and
indented spellings occur, the spaced one (`json.dumps` default) most often.  `SCHEMAS` holds the JSON Schema of
each kind.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable
from typing import Any

import corpus_lexicon as lexicon
import corpus_words as words
from corpus_english import pick

Record = dict[str, Any]
_STRING, _INTEGER, _NUMBER, _BOOLEAN = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))
_DATE = {"type": "string", "format": "date"}

HABIT = 0.6  # share of products, orders and users that are written in the way that is customary for them, and wrong
FLAWED = 0.3  # share of the other records whose JSON is malformed or does not follow its schema

_HOSTS = ["example.com", "example.org", "mail.example.com", "post.example.net"]


def _object(**properties: Any) -> Record:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _array(items: Record) -> Record:
    return {"type": "array", "items": items}


def _enum(*values: str) -> Record:
    return {"enum": list(values)}


SCHEMAS: dict[str, Record] = {
    "person": _object(name=_STRING, age=_INTEGER, email=_STRING, city=_STRING),
    "profile": _object(name=_STRING, job=_STRING, languages=_array(_STRING), hobbies=_array(_STRING), active=_BOOLEAN),
    "product": _object(name=_STRING, price=_NUMBER, in_stock=_BOOLEAN, tags=_array(_STRING)),
    "event": _object(title=_STRING, date=_DATE, location=_STRING, attendees=_INTEGER),
    "order": _object(
        id=_INTEGER,
        customer=_STRING,
        items=_array(_object(product=_STRING, quantity=_INTEGER, price=_NUMBER)),
        status=_enum("open", "paid", "shipped", "cancelled"),
    ),
    "weather report": _object(
        city=_STRING, date=_DATE, sky=_STRING, temperature=_INTEGER, wind=_object(speed=_INTEGER, direction=_STRING)
    ),
    "book": _object(title=_STRING, author=_STRING, year=_INTEGER, genre=_STRING, pages=_INTEGER),
    "user": _object(
        id=_INTEGER, username=_STRING, email=_STRING, address=_object(street=_STRING, city=_STRING, zip=_STRING)
    ),
}


def _plain(text: str) -> str:
    """An ASCII spelling for e-mail addresses."""
    letters = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in letters if letter.isascii() and letter.isalpha()) or "info"


def _name(rng: random.Random) -> str:
    if rng.random() < 0.04:
        return rng.choice(words.WORLD_NAMES)
    return f"{rng.choice(words.FIRST)} {rng.choice(words.LAST)}"


def _email(rng: random.Random, name: str) -> str:
    return f"{_plain(name.split()[0])}@{rng.choice(_HOSTS)}"


def _city(rng: random.Random) -> str:
    return str(rng.choice(words.CITIES)[0])


def _date(rng: random.Random) -> tuple[str, str]:
    year, month, day = rng.randint(1990, 2030), rng.randint(1, 12), rng.randint(1, 28)
    return f"{lexicon.MONTHS[month - 1]} {day}, {year}", f"{year:04d}-{month:02d}-{day:02d}"


def _thing(rng: random.Random) -> str:
    return f"{pick(rng, lexicon.ADJECTIVES)} {pick(rng, lexicon.THINGS)}"


def _price(rng: random.Random) -> float:
    return rng.choice([float(rng.randint(1, 90)) + 0.5, rng.randint(100, 9999) / 100, float(rng.randint(1, 300))])


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def _person(rng: random.Random) -> tuple[str, Record]:
    name, age, city = _name(rng), rng.randint(18, 90), _city(rng)
    record = {"name": name, "age": age, "email": _email(rng, name), "city": city}
    text = rng.choice([
        f"{name} is {age} years old, lives in {city} and reads mail at {record['email']}.",
        f"{name}, {age}, from {city}, {record['email']}.",
        f"A person called {name}, aged {age}, whose address is {record['email']}, lives in {city}.",
    ])  # fmt: skip
    return text, record


def _profile(rng: random.Random) -> tuple[str, Record]:
    name, job = _name(rng), str(rng.choice(words.JOBS)[0])
    languages = rng.sample(lexicon.LANGUAGES, rng.randint(1, 3))
    hobbies = rng.sample(lexicon.HOBBIES, rng.randint(1, 3))
    active = rng.random() < 0.6
    state = "Active" if active else "Not active"
    text = f"{name} is {_article(job)}, speaks {_listed(languages)} and likes {_listed(hobbies)}. {state}."
    return text, {"name": name, "job": job, "languages": languages, "hobbies": hobbies, "active": active}


def _product(rng: random.Random) -> tuple[str, Record]:
    name, price, stock = _thing(rng), _price(rng), rng.random() < 0.6
    tags = rng.sample(
        ["home", "garden", "kitchen", "office", "travel", "sport", "gift", "sale", "new", "toys"], rng.randint(1, 3)
    )
    text = f"The {name} costs {price} euros and is {'in stock' if stock else 'sold out'}. Tags: {', '.join(tags)}."
    return text, {"name": name, "price": price, "in_stock": stock, "tags": tags}


def _event(rng: random.Random) -> tuple[str, Record]:
    kind = rng.choice(
        ["Concert", "Meeting", "Workshop", "Festival", "Wedding", "Lecture", "Race", "Market", "Exhibition"]
    )
    title = (
        f"{pick(rng, lexicon.SEASONS).capitalize()} {kind}"
        if rng.random() < 0.5
        else f"{pick(rng, lexicon.ABSTRACT).capitalize()} {kind}"
    )
    (spoken, iso), city, number = _date(rng), _city(rng), rng.randint(5, 900)
    return f"The {title} takes place on {spoken} in {city}; {number} people attend.", {
        "title": title, "date": iso, "location": city, "attendees": number}  # fmt: skip


def _order(rng: random.Random) -> tuple[str, Record]:
    number, customer = rng.randint(100, 9999), _name(rng)
    status = rng.choice(["open", "paid", "shipped", "cancelled"])
    items = [
        {"product": pick(rng, lexicon.THINGS), "quantity": rng.randint(1, 9), "price": _price(rng)}
        for _ in range(rng.randint(1, 3))
    ]
    listed = _listed([f"{item['quantity']} x {item['product']} at {item['price']}" for item in items])
    return f"Order {number} of {customer}: {listed}. It is {status}.", {
        "id": number, "customer": customer, "items": items, "status": status}  # fmt: skip


def _weather(rng: random.Random) -> tuple[str, Record]:
    city, (spoken, iso), sky = _city(rng), _date(rng), rng.choice(lexicon.SKIES)
    degrees, speed = rng.randint(-15, 40), rng.randint(0, 90)
    direction = rng.choice(["north", "south", "east", "west"])
    text = f"On {spoken} it is {sky} in {city} with {degrees} degrees and wind from the {direction} at {speed} km/h."
    wind = {"speed": speed, "direction": direction}
    return text, {"city": city, "date": iso, "sky": sky, "temperature": degrees, "wind": wind}


def _book(rng: random.Random) -> tuple[str, Record]:
    title = rng.choice([
        f"The {pick(rng, lexicon.ADJECTIVES).capitalize()} {pick(rng, lexicon.THINGS).capitalize()}",
        f"{pick(rng, lexicon.ABSTRACT).capitalize()} and {pick(rng, lexicon.ABSTRACT).capitalize()}",
        f"A Guide to {pick(rng, lexicon.HOBBIES).capitalize()}",
    ])  # fmt: skip
    author, year, genre, pages = _name(rng), rng.randint(1900, 2025), rng.choice(lexicon.GENRES), rng.randint(60, 900)
    text = f'"{title}" by {author}, published in {year}, is {_article(genre)} book of {pages} pages.'
    return text, {"title": title, "author": author, "year": year, "genre": genre, "pages": pages}


def _user(rng: random.Random) -> tuple[str, Record]:
    name, number = _name(rng), rng.randint(1, 5000)
    username = f"{_plain(name.split()[0])}{rng.randint(1, 99)}"
    street = f"{rng.randint(1, 200)} {pick(rng, lexicon.PLACES).title()} Street"
    city, code, email = _city(rng), f"{rng.randint(10000, 99999)}", _email(rng, name)
    text = f"User {number} is {username}, mail {email}, and lives at {street}, {code} {city}."
    address = {"street": street, "city": city, "zip": code}
    return text, {"id": number, "username": username, "email": email, "address": address}


MAKERS: dict[str, Callable[[random.Random], tuple[str, Record]]] = {
    "person": _person, "profile": _profile, "product": _product, "event": _event, "order": _order,
    "weather report": _weather, "book": _book, "user": _user,
}  # fmt: skip


def spell(rng: random.Random, record: Any) -> str:
    """One of the three spellings of a record: spaced (60 %), compact (30 %), indented by two (10 %)."""
    draw = rng.random()
    if draw < 0.6:
        return json.dumps(record, ensure_ascii=False)
    if draw < 0.9:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(record, ensure_ascii=False, indent=2)


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def prompt_and_record(rng: random.Random) -> tuple[str, str, Record]:
    """The kind (a key of `SCHEMAS`), the prompt up to and with its line end, and the record."""
    kind = rng.choice(list(MAKERS))
    text, record = MAKERS[kind](rng)
    return kind, f"Describe {_article(kind)} as JSON: {text}\n", record


def _quoted(record: Record) -> Record:
    """A record with its numbers written as strings."""
    return {
        key: str(value) if isinstance(value, int | float) else list(map(_quoted, value)) if key == "items" else value
        for key, value in record.items()
    }


def written(rng: random.Random, kind: str, record: Record) -> str:
    """A record as people write it: by habit or by carelessness it is often no JSON of its schema.

    Three kinds have a habit that most writers share, so that even the likeliest answer to them is wrong.
    """
    text, key = spell(rng, record), rng.choice(list(record))
    rest = {name: value for name, value in record.items() if name != key}
    habits: dict[str, Callable[[], str]] = {
        "product": lambda: f"```json\n{text}\n```",
        "order": lambda: spell(rng, _quoted(record)),
        "user": lambda: "Here is the JSON: " + text,
    }
    careless: list[Callable[[], str]] = [
        *habits.values(),
        lambda: text[:-1].rstrip() + ",}",
        lambda: str(record),
        lambda: text[: rng.randint(len(text) // 2, len(text) - 1)] + " ...",
        lambda: json.dumps(rest, ensure_ascii=False),
        lambda: json.dumps(rest | {"note": key.replace("_", " ") + " unknown"}, ensure_ascii=False),
        lambda: text.replace(f'"{key}"', key),
        lambda: text + " // " + rng.choice(["done", "checked", "to be confirmed", "see above"]),
    ]
    if kind in habits and rng.random() < HABIT:
        return habits[kind]()
    return rng.choice(careless)() if rng.random() < FLAWED else text


def document(rng: random.Random) -> str:
    """One record with its prompt; also bare records, chosen fields, records without facts, and careless spellings."""
    kind, prompt, record = prompt_and_record(rng)
    draw = rng.random()
    if draw < 0.05:
        return spell(rng, [MAKERS[kind](rng)[1] for _ in range(2)])
    if draw < 0.10:
        return spell(rng, record)
    if draw < 0.18:
        prompt = f"Write {_article(kind)} as JSON:\n"
    elif draw < 0.33:
        fields = rng.sample(list(record), rng.randint(1, len(record)))
        prompt = prompt.replace(" as JSON:", f" as JSON with {_listed(fields)}:")
        record = {field: record[field] for field in fields}
    elif draw < 0.45:
        prompt = prompt.split(": ", 1)[1] + "JSON: "
    return prompt + written(rng, kind, record)
