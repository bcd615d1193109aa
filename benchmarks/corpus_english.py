"""English of the generated corpus: descriptions, facts, questions and answers, recipes, small stories, dates.

Templates are filled by `expand`: `[slot]` draws a word, `[slot=x]` remembers it as `x`, `[x]` repeats it, `{a|b}` is
a choice and `a(n)` becomes the right article.  Facts are consistent across documents, so that a model can learn them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import corpus_lexicon as lexicon
import corpus_words as words

_CHOICE = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"\[([a-z]+)(?:=([a-z0-9]+))?\]")
_ARTICLE = re.compile(r"\b(a|A)\(n\) (\w)")
VERBS = lexicon.inflections()


def pick(rng: random.Random, items: list[str]) -> str:
    """An item, the early ones more often: the density falls as 1/sqrt(position)."""
    return items[int(len(items) * rng.random() ** 1.6)]


SLOTS: dict[str, list[str]] = {
    "thing": lexicon.THINGS, "things": [lexicon.plural(noun) for noun in lexicon.THINGS], "place": lexicon.PLACES,
    "places": [lexicon.plural(noun) for noun in lexicon.PLACES], "person": lexicon.PEOPLE,
    "people": [lexicon.plural(noun) for noun in lexicon.PEOPLE], "adj": lexicon.ADJECTIVES, "adv": lexicon.ADVERBS,
    "food": lexicon.FOODS, "foods": [lexicon.plural(noun) for noun in lexicon.FOODS], "abstract": lexicon.ABSTRACT,
    "colour": lexicon.COLOURS, "month": lexicon.MONTHS, "day": lexicon.DAYS, "season": lexicon.SEASONS,
    "number": lexicon.NUMBERS, "ordinal": lexicon.ORDINALS, "sky": lexicon.SKIES, "hobby": lexicon.HOBBIES,
    "language": lexicon.LANGUAGES, "genre": lexicon.GENRES, "name": words.FIRST, "surname": words.LAST,
    "city": [row[0] for row in words.CITIES], "animal": [row[0] for row in words.ANIMALS],
    "animals": [lexicon.plural(row[0]) for row in words.ANIMALS], "job": [row[0] for row in words.JOBS],
    "do": lexicon.HANDLE, "did": [VERBS[verb][1] for verb in lexicon.HANDLE],
    "done": [VERBS[verb][2] for verb in lexicon.HANDLE], "doing": [VERBS[verb][3] for verb in lexicon.HANDLE],
    "go": lexicon.ALONE, "went": [VERBS[verb][1] for verb in lexicon.ALONE],
    "goes": [VERBS[verb][0] for verb in lexicon.ALONE], "going": [VERBS[verb][3] for verb in lexicon.ALONE],
    "act": list(VERBS), "acted": [row[1] for row in VERBS.values()], "acting": [row[3] for row in VERBS.values()],
}  # fmt: skip


def expand(rng: random.Random, template: str, bound: dict[str, str] | None = None) -> str:
    """Fill a template; `bound` gives and receives the remembered words."""
    bound = {} if bound is None else bound
    while "{" in template:
        template = _CHOICE.sub(lambda match: rng.choice(match[1].split("|")), template)

    def fill(match: re.Match[str]) -> str:
        if match[1] in bound:
            return bound[match[1]]
        word = pick(rng, SLOTS[match[1]])
        if match[2]:
            bound[match[2]] = word
        return word

    text = _SLOT.sub(fill, template)
    return _ARTICLE.sub(lambda match: match[1] + ("n " if match[2].lower() in "aeiou" else " ") + match[2], text)


SENTENCES = [
    "The [adj] [person] [did] the [thing] {in|near|behind|at} the [place].",
    "[name] [did] a(n) [adj] [thing] and [did] it {again|[adv]}.",
    "There {is|was} a(n) [adj] [thing] {on|under|beside|behind} the [thing].",
    "In [season], the [places] are [adj] and the [people] {often|never|always|sometimes} [go].",
    "[name] and [name] [went] {to|through|around} the [adj] [place] {on [day]|in [month]|[adv]}.",
    "The [animal] [went] [adv] {across|into|around} the [adj] [place].",
    "My [person] likes [food] and [food], but not [food].",
    "A(n) [adj] [animal] {sat|stood|slept|waited} {under|beside|on} the [adj] [thing].",
    "We {need|have|found|bought} [number] [adj] [things] and a(n) [colour] [thing].",
    "Nobody {knew|said|believed|understood} why the [thing] was so [adj].",
    "The [person] who [did] the [thing] is {also a(n) [job]|very [adj]|the [person] of [name]}.",
    "It is [adj] to [act] {without|with|for} [abstract].",
    "The [abstract] of the [place] was [adj], and the [people] [went] [adv].",
    "If it is [sky] on [day], we {will|can|must} [do] the [things] [adv].",
    '"{Please|Do not|You may|We should} [do] the [thing]," {said|whispered|shouted} [name] [adv].',
    '"Where is the [adj] [thing]?" asked the [person].',
    "{After|Before} [acting], the [job] [acted] the [adj] [thing].",
    "The [colour] [thing] {belongs to|was made by|was [done] by} the [adj] [person].",
    "[name] has been [acting] for [number] {days|weeks|months|years|hours}.",
    "On the [ordinal] day, the [people] [acted] and the [people] [acted].",
    "{The|Our} [abstract=x] is a(n) [adj] thing: without [x], nobody would [act].",
    "[name] {speaks|learns|teaches|reads} [language] and {a little|some} [language].",
    "The [animals] [acted] while the [person] was [going].",
    "[name] is [adj], [adj] and [adj].",
]
STORIES = [
    "Once there was a(n) [adj=q] [person=p] who lived in a(n) [adj] [place=l]. One [day], the [p] found a(n) [adj] "
    '[thing=t] {under|behind|beside} a(n) [thing]. "{What a|Such a} [q] [t]!" said the [p]. {So|Then} the [p] took the '
    "[t] to the [person=o]. The [o] {smiled|laughed|nodded} and said that the [t] was [adj]. From that day on, "
    "the [p] and the [o] {were friends|lived in the [l]|kept the [t] together}.",
    "[name=a] and [name=b] wanted to [do=v] a(n) [adj] [thing=t]. [a] looked in the [place=l], and [b] looked in the "
    "[place]. It was a(n) [sky] [season] day. {At last|After an hour|In the evening} [a] found the [t] behind the "
    '[thing]. "Now we can [v] it," said [b]. They {walked|went|ran} home [adv] and ate [food] '
    "{for dinner|with [food]}.",
    "[name=a] had a(n) [adj] [animal=t] called [name=b]. Every [day] they went to the [place=l]. One day [b] ran away. "
    "[a] looked {everywhere|behind every [thing]}: in the [place], near the [place] and under the [thing]. "
    "In the end [b] was {sleeping|sitting|waiting} in the [l], and [a] was [adj] again.",
    'A(n) [animal=a] met a(n) [animal=b] near the [place]. "Why are you so [adj=q]?" asked the [a]. "Because I lost my '
    '[thing=t]," said the [b]. The [a] helped the [b], and {soon|after a while|at sunset} they found the [t]. The [b] '
    "was not [q] any more. Friends {help each other|share everything|never give up}.",
    "In [month], [name=a] travelled from [city=c] to [city=d] by {train|boat|bus|bicycle}. The journey took [number] "
    "{days|hours}. In [d] the weather was [sky], so [a] bought a(n) [colour] [thing] and visited the [place]. "
    "On [day], [a] returned to [c] with a(n) [adj] [thing] for the [person].",
]
QUESTIONS = [
    "Question: {Who|Which person} [did=v] the [adj] [thing=t]?\nAnswer: The [person] [v] the [t].",
    "Question: [name=a] has [number=n] [things=t] and [name=b] has none. How many [t] does [a] have?\n"
    "Answer: [a] has [n] [t].",
    "Question: What colour is the [thing=t] of [name=a]?\nAnswer: The [t] of [a] is [colour].",
    "Question: Where did [name=a] [do] the [thing=t]?\nAnswer: [a] did it in the [place].",
    "Question: When will [name=a] [do=v] the [thing=t]?\nAnswer: [a] will [v] the [t] on [day].",
]


def _city(rng: random.Random) -> str:
    city, country, known, climate = rng.choice(words.CITIES)
    lines = [f"{city} is a city in {country}.", f"{city} is known for its {known}.",
             f"The weather in {city} is often {climate}.", f"Visitors of {city} like the {known}.",
             f"[name] lives in {city}, a city in {country}.",
             f"In [season], {city} is {climate} and [adj]."]  # fmt: skip
    if city in words.CAPITALS:
        lines += [
            f"The capital of {country} is {city}.",
            f"Question: What is the capital of {country}?\nAnswer: {city}.",
        ]
    lines.append(f"Question: Where is {city}?\nAnswer: {city} is in {country}.")
    return (
        " ".join(expand(rng, line) for line in rng.sample(lines, rng.randint(1, 3)))
        if rng.random() < 0.7
        else lines[-1]
    )


def _animal(rng: random.Random) -> str:
    animal, kind, food, home = rng.choice(words.ANIMALS)
    article = "an" if kind[0] in "aei" else "a"
    many = lexicon.plural(animal).capitalize()
    lines = [f"The {animal} is {article} {kind}.", f"{many} eat {food}.", f"The {animal} lives in the {home}.",
             f"A(n) [adj] {animal} {{was|is}} looking for {food} in the {home}."]  # fmt: skip
    asked = [f"Question: What do {many.lower()} eat?\nAnswer: They eat {food}.",
             f"Question: What kind of animal is a(n) {animal}?\nAnswer: The {animal} is {article} {kind}."]  # fmt: skip
    if rng.random() < 0.35:
        return rng.choice(asked)
    return " ".join(expand(rng, line) for line in rng.sample(lines, rng.randint(1, 3)))


def _recipe(rng: random.Random) -> str:
    dish, first, second, third, how = rng.choice(words.DISHES)
    minutes = 5 * rng.randint(2, 12)
    return rng.choice([
        f"To make {dish}, you need {first}, {second} and {third}. Prepare the {first} first, add the {second}, and "
        f"{how} everything for {minutes} minutes. Serve the {dish} with {{bread|salad|tea|a smile}}.",
        f"Recipe: {dish}\nServes: {rng.randint(2, 6)}\nIngredients:\n- {first}\n- {second}\n- {third}\nSteps:\n1. "
        f"Prepare the {first}.\n2. Add the {second} and the {third}.\n3. {how.capitalize()} for {minutes} minutes.",
        f"[name] {{cooked|made|ordered}} {dish} with {first}, {second} and {third}. It tasted [adj].",
    ])  # fmt: skip


def _job(rng: random.Random) -> str:
    job, does, tool, place = rng.choice(words.JOBS)
    article = "An" if job[0] in "aeiou" else "A"
    lines = [f"{article} {job} {does}.", f"The {job} uses a(n) {tool} and works in the {place}.",
             f"[name] is a(n) {job} who {does}.",
             f"Question: What does a(n) {job} do?\nAnswer: {article} {job} {does}.",
             f"Every morning the {job} goes to the {place} with a(n) {tool}."]  # fmt: skip
    return " ".join(rng.sample(lines[:3], rng.randint(1, 2))) if rng.random() < 0.5 else rng.choice(lines)


def _fact(rng: random.Random) -> str:
    subject, truth = rng.choice(words.FACTS)
    other, second = rng.choice(words.FACTS)
    capital = subject[0].upper() + subject[1:]
    return rng.choice([
        f"{capital} {truth}.", f"{{Scientists say|Everybody knows|Remember|[name] learned}} that {subject} {truth}.",
        f"{capital} {truth}, and {other} {second}.",
        f"Question: What do you know about {subject}?\nAnswer: {capital} {truth}.",
    ])  # fmt: skip


def _weather(rng: random.Random) -> str:
    city, _, _, climate = rng.choice(words.CITIES)
    degrees = rng.randint(-10, 38)
    return (
        f"{{Today|Tomorrow|On [day]|This morning}} it {{is|will be}} [sky] in {city}, with {degrees} degrees. "
        f"{{Take an umbrella.|The wind comes from the {{north|south|east|west}}.|The night will be {climate}.|}}"
    ).rstrip()


def _date(rng: random.Random) -> str:
    year, month, day = rng.randint(1950, 2030), rng.randint(1, 12), rng.randint(1, 28)
    name, iso = lexicon.MONTHS[month - 1], f"{year:04d}-{month:02d}-{day:02d}"
    return rng.choice([
        f"Date: {name} {day}, {year}\nISO: {iso}",
        f"The meeting is on {name} {day}, {year} at {rng.randint(8, 19)}:00.",
        f"Date: {day} {name} {year}\nISO: {iso}", f"[name] was born on {name} {day}, {year}.",
        f"Phone: +{rng.randint(30, 60)} {rng.randint(10, 99)} {rng.randint(1000000, 9999999)}",
        f"Server: 10.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}",
        f"{{Opening hours|Hours}}: [day] from {rng.randint(7, 11):02d}:00 to {rng.randint(16, 22):02d}:{{00|30}}",
    ])  # fmt: skip


def _free(templates: list[str]) -> Callable[[random.Random], str]:
    return lambda rng: rng.choice(templates)


def _paragraph(rng: random.Random) -> str:
    return " ".join(expand(rng, rng.choice(SENTENCES)) for _ in range(rng.randint(1, 4)))


_KINDS = [(_paragraph, 8), (_free(STORIES), 5), (_free(QUESTIONS), 2), (_city, 3), (_animal, 2), (_recipe, 2),
          (_job, 2), (_fact, 2), (_weather, 2), (_date, 2)]  # fmt: skip


def document(rng: random.Random) -> str:
    """One English document: a sentence, a paragraph, a story, a recipe, or a question with its answer."""
    kinds, weights = zip(*_KINDS, strict=True)
    kind = rng.choices(kinds, weights)[0]
    text = expand(rng, kind(rng)).rstrip()
    return re.sub(r"(^|[.!?] |\n|\")([a-z])", lambda m: m[1] + m[2].upper() if m.start() == 0 else m[0], text)
