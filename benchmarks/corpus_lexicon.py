"""General vocabulary of the generated corpus: nouns, adjectives, adverbs and verbs with their inflections.

Regular verbs are inflected by the spelling rules of English, irregular ones come from a table.  See `corpus_words`
for the lists that carry facts.  All text is ours and is licensed as the project is.
"""

from __future__ import annotations

from corpus_words import split_words

THINGS = split_words("""
book letter lamp table chair window door key map box cup plate spoon bottle basket blanket pillow mirror clock watch
ring coin stone shell feather leaf flower rope ladder bucket broom candle lantern umbrella coat hat scarf glove boot
shoe shirt jacket dress belt bag suitcase wallet ticket stamp envelope newspaper notebook pencil pen brush ruler
picture photograph poster painting statue vase carpet curtain shelf drawer cupboard desk bench stool sofa bed stove
kettle pan pot bowl fork knife glass jug teapot tray napkin towel soap comb needle thread button zip ribbon bell drum
guitar flute piano trumpet violin radio telephone camera computer keyboard screen printer cable battery torch hammer
saw nail screw drill spade rake axe wheel engine bicycle car bus train tram boat ship ferry canoe raft aeroplane kite
balloon ball doll puzzle toy card dice tent hook net barrel crate sack wagon cart saddle bridle whistle flag sign
poem song story diary recipe menu bill receipt contract report list calendar dictionary atlas magazine page chapter
fence gate wall roof chimney floor ceiling stair cellar attic balcony porch fountain bridge tower statue tunnel
""")
FOODS = split_words("""
bread butter cheese milk cream yoghurt honey jam sugar salt pepper rice pasta soup salad pie cake biscuit chocolate
coffee tea juice water wine beer apple pear plum cherry peach apricot orange lemon grape melon banana strawberry
raspberry blueberry fig date nut almond walnut hazelnut carrot onion garlic potato tomato cucumber pumpkin spinach
cabbage lettuce radish celery mushroom bean pea lentil corn olive fish salmon cod shrimp chicken beef ham sausage bacon
egg omelette pancake waffle dumpling noodle curry stew sandwich toast porridge muesli pudding custard sorbet
""")
PLACES = split_words("""
house garden kitchen street market park school library museum station harbour bridge church castle tower village town
city farm field meadow forest hill mountain valley river lake pond beach island desert cave coast bay cliff waterfall
path road square corner shop bakery cafe restaurant hotel inn theatre cinema hospital office factory workshop garage
airport bank post_office university laboratory observatory stadium gallery courtyard balcony cellar attic barn stable
mill well fountain cemetery playground swimming_pool railway lighthouse pier canal dam quarry vineyard orchard
greenhouse zoo circus camp border suburb district embassy palace temple ruin monument
""")
PEOPLE = split_words("""
man woman child boy girl friend neighbour mother father sister brother aunt uncle cousin grandmother grandfather
son daughter student pupil visitor guest stranger traveller customer passenger tourist guide captain king queen prince
princess knight soldier guard thief wizard giant merchant shepherd hunter miller blacksmith weaver potter poet actor
singer dancer clown player runner swimmer climber cyclist coach mayor minister president secretary manager assistant
colleague boss worker owner landlord tenant widow orphan twin baby teenager adult volunteer scientist inventor explorer
""")
ADJECTIVES = split_words("""
old new small big little large long short young good bad happy sad quiet loud warm cold hot cool dark bright heavy light
strong weak fast slow rich poor clean dirty dry wet soft hard sweet bitter sour fresh stale empty full open closed high
low deep shallow wide narrow thick thin round flat straight crooked sharp blunt smooth rough simple strange common rare
famous unknown honest clever foolish wise brave shy kind cruel gentle polite rude calm angry proud humble tired sleepy
hungry thirsty busy lazy careful careless curious patient eager nervous cheerful lonely friendly generous greedy
beautiful ugly pretty plain lovely elegant modern ancient wooden golden broken lost hidden secret forgotten borrowed
expensive cheap useful useless important urgent difficult easy dangerous safe healthy sick alive dead real false true
perfect ordinary special local foreign distant nearby northern southern eastern western sunny rainy cloudy windy foggy
frozen dusty muddy rusty shiny pale colourful transparent enormous tiny gigantic narrow hollow solid liquid delicate
fragile sturdy comfortable cosy crowded peaceful noisy silent sudden gradual early late recent final previous next
peculiar remarkable splendid magnificent terrible dreadful delicious tasty ripe raw spicy crisp tender
""")
ADVERBS = split_words("""
slowly quickly quietly loudly carefully gently suddenly happily sadly often always never sometimes usually rarely soon
early late again together alone outside inside upstairs downstairs nearby everywhere finally gladly politely bravely
patiently eagerly nervously cheerfully honestly secretly proudly calmly angrily gracefully barely nearly almost
immediately eventually recently yesterday today tomorrow tonight twice once
""")
ABSTRACT = split_words("""
time work music love hope fear luck peace trouble help advice news weather money health freedom truth memory idea plan
dream question answer problem reason secret promise mistake journey adventure story lesson game race prize reward
choice chance change surprise danger silence noise shadow colour shape size weight speed distance height depth
temperature pressure energy force power friendship patience courage wisdom knowledge science history art language
tradition culture law justice trade travel education experience opinion decision discussion agreement argument
meeting party wedding birthday holiday festival concert exhibition competition election strike
""")
REGULAR = split_words("""
walk look open close carry clean cook paint repair watch visit follow help call ask answer count collect paint fill
empty lift drop push pull touch point reach wash polish mend paint borrow return order deliver pack unpack move place
cover discover explore examine measure compare describe explain mention notice remember admire enjoy love like prefer
need want expect offer promise refuse accept share save waste use taste smell mix stir boil bake fry peel chop serve
plant water pick gather climb cross pass enter join start finish stop stay wait rest listen learn study practise play
dance laugh smile cry whisper shout talk argue agree decide plan prepare invent design print publish translate copy
sign mark check test try improve change turn rotate connect attach separate divide multiply add subtract
protect guard attack chase escape hide rescue welcome thank greet invite marry trust worry hurry arrive depart travel
sail row float land park drive_away stare wonder imagine realise believe doubt suppose
""")
# base | past | participle
IRREGULAR = [
    tuple(row.split("/"))
    for row in split_words("""
go/went/gone come/came/come see/saw/seen find/found/found take/took/taken give/gave/given make/made/made get/got/got
know/knew/known think/thought/thought say/said/said tell/told/told write/wrote/written read/read/read
hear/heard/heard speak/spoke/spoken buy/bought/bought sell/sold/sold bring/brought/brought keep/kept/kept
hold/held/held leave/left/left lose/lost/lost win/won/won run/ran/run swim/swam/swum sing/sang/sung drink/drank/drunk
eat/ate/eaten sleep/slept/slept wake/woke/woken wear/wore/worn break/broke/broken build/built/built cut/cut/cut
draw/drew/drawn drive/drove/driven fall/fell/fallen feel/felt/felt fly/flew/flown forget/forgot/forgotten
grow/grew/grown hide/hid/hidden lead/led/led lend/lent/lent meet/met/met pay/paid/paid put/put/put ride/rode/ridden
rise/rose/risen send/sent/sent shut/shut/shut sit/sat/sat spend/spent/spent stand/stood/stood steal/stole/stolen
sweep/swept/swept teach/taught/taught throw/threw/thrown understand/understood/understood
""")
]
# verbs that make sense with a thing as object, and verbs that stand alone
HANDLE = split_words("""
find take buy sell bring keep hold lose carry clean paint repair watch open lift drop push pull wash polish borrow
return order pack move cover discover examine measure admire use see make draw throw steal hide send forget need want
collect count copy choose break
""")
ALONE = split_words("""
walk wait laugh smile sleep sing swim run dance work rest listen talk travel stand sit shout whisper arrive read
""")

COLOURS = split_words(
    "red blue green yellow white black grey brown orange purple pink golden silver turquoise beige violet"
)
MONTHS = split_words("January February March April May June July August September October November December")
DAYS = split_words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
SEASONS = split_words("spring summer autumn winter")
NUMBERS = split_words("two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty")
ORDINALS = split_words("first second third fourth fifth sixth seventh eighth ninth tenth last")
SKIES = split_words("sunny rainy cloudy windy foggy stormy snowy clear mild humid cold hot dry grey wet")
LANGUAGES = split_words("""English Spanish French German Portuguese Italian Japanese Chinese Arabic Hindi Russian Greek
Polish Turkish Swedish Dutch Korean Swahili Finnish Czech""")
HOBBIES = split_words("""reading chess cycling swimming gardening painting hiking cooking photography running sailing
pottery climbing knitting astronomy dancing singing fishing skating drawing writing
travelling birdwatching tennis football yoga
carpentry archery juggling origami""")
GENRES = split_words(
    "novel mystery biography poetry history science travel fantasy cookery art children drama philosophy"
)


def _third(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


def _doubles(verb: str) -> bool:
    short = sum(letter in "aeiou" for letter in verb) == 1
    return short and len(verb) > 2 and verb[-1] not in "aeiouwxyhkls" and verb[-2] in "aeiou"


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + (verb[-1] if _doubles(verb) else "") + "ed"


def _gerund(verb: str) -> str:
    if verb.endswith("e") and not verb.endswith(("ee", "ye")):
        return verb[:-1] + "ing"
    return verb + (verb[-1] if _doubles(verb) else "") + "ing"


def inflections() -> dict[str, tuple[str, str, str, str]]:
    """Base form -> (third person, past, participle, gerund) for every verb of the lists above."""
    table = {"choose": ("chooses", "chose", "chosen", "choosing")}
    for verb in (*REGULAR, *HANDLE, *ALONE):
        if " " not in verb and verb not in table:
            table[verb] = (_third(verb), _past(verb), _past(verb), _gerund(verb))
    for verb, past, participle in IRREGULAR:
        table[verb] = (_third(verb), past, participle, _gerund(verb))
    return table


def plural(noun: str) -> str:
    """The plural of a noun of the lists above."""
    special = {
        "man": "men",
        "woman": "women",
        "child": "children",
        "knife": "knives",
        "shelf": "shelves",
        "leaf": "leaves",
        "thief": "thieves",
        "mouse": "mice",
        "sheep": "sheep",
        "wolf": "wolves",
        "fish": "fish",
        "salmon": "salmon",
        "trout": "trout",
        "dice": "dice",
        "fisher": "fishers",
    }
    if noun in special:
        return special[noun]
    return noun[:-3] + "men" if noun.endswith("man") and noun != "human" else _third(noun)
