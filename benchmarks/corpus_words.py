"""Word lists of the generated corpus: people, places, things, actions and facts about them.

Every list is a space-separated string or a table of `|`-separated rows, so that a few thousand words stay readable.
Early words of a list are drawn more often than late ones (see `corpus_english.pick`), which gives the corpus the
skewed word frequencies that tokenizers are trained for.  All text is ours and is licensed as the project is.
"""

from __future__ import annotations


def split_words(text: str) -> list[str]:
    """The words of a text; `_` stands for a space inside one."""
    return [word.replace("_", " ") for word in text.split()]


def _rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]


FIRST = split_words("""
Maria John Anna David Laura Peter Sofia Thomas Emma Paul Julia Daniel Elena Lucas Clara Martin Alice Simon Nora Felix
Hannah Oscar Lena Victor Ruth Samuel Eva Adam Lucy Henry Marta Leo Irene Hugo Sara Max Olivia Ben Ida Carl Mia Erik
Grace Noah Amelia Jack Rosa Liam Diana Omar Leila Hassan Fatima Karim Amina Yusuf Layla Tariq Priya Arjun Meera Ravi
Anika Vikram Kenji Yuki Hiro Aiko Mei Wei Lin Chen Jin Min Sora Kofi Ama Kwame Zola Thabo Nia Jabari Imani Diego Carmen
Pablo Lucia Mateo Ines Rafael Pilar Bruno Beatriz Tiago Joana Marco Giulia Luca Chiara Paolo Bianca Ivan Olga Dmitri
Nina Pavel Vera Boris Tanya Stefan Ilse Klaus Greta Otto Frida Lars Ingrid Sven Astrid Nils Sigrid Aron Miriam Eli Tamar
Jonas Selma Anton Edith Walter Agnes George Helen Frank Judith Robert Alma Arthur Cora Edgar Flora Gustav Hilda Isaac
Jane Kate Louis Mabel Ned Opal Quentin Rita Silas Tessa Ursula Wanda Xenia Zelda Zoë José Chloé Søren Jürgen Łukasz
Renée Björn Mónica Émile Inês Håkon Zuzana Ondřej Ágnes Nuño
""")
LAST = split_words("""
Keller Smith Garcia Brown Rossi Miller Silva Martin Novak Jones Weber Fischer Meyer Wagner Becker Schulz Hoffmann Koch
Richter Klein Wolf Neumann Schwarz Braun Zimmermann Hartmann Lange Krause Lehmann Taylor Wilson Evans Thomas Roberts
Walker Wright Robinson Thompson White Hughes Edwards Green Hall Wood Harris Lewis Clarke Jackson Turner Hill Cooper Ward
Morris Moore Baker Cook Parker Bennett Shaw Bell Murphy Kelly Ryan Byrne Walsh Lopez Martinez Sanchez Perez Gomez
Fernandez Ruiz Diaz Moreno Alvarez Romero Navarro Torres Vega Santos Pereira Costa Oliveira Ferreira Almeida Sousa
Carvalho Bianchi Ricci Marino Greco Conti Romano Colombo Gallo Fontana Moretti Dubois Laurent Moreau Simon Michel Leroy
Roux Bonnet Girard Andersen Hansen Larsen Nielsen Olsen Berg Lindberg Nyman Virtanen Korhonen Niemi Kowalski Nowak
Wojcik Horvat Kovac Petrov Ivanov Sokolov Volkov Popov Tanaka Suzuki Sato Ito Yamada Mori Kimura Wang Li Zhang Liu Zhao
Huang Kim Park Lee Choi Jung Patel Sharma Singh Gupta Rao Iyer Das Khan Ahmed Hussain Farouk Haddad Nasser Mensah Okafor
Adeyemi Diallo Mbeki Dlamini Abebe Kamau Otieno Cohen Levy Katz Stein Roth Müller Nuñez Gonçalves Lefèvre Sørensen
Åkesson Dvořák Nagy Szabó Țurcanu Jäger Böhm Özdemir Yılmaz Çelik
""")
WORLD_NAMES = split_words(
    "Ольга Иван Дмитрий Νίκος Ελένη Мария 美咲 健太 小明 王芳 지우 민준 أحمد ليلى שרה דוד प्रिया अर्जुन สมชาย"
)

# city | country | what it is known for | climate
CITIES = _rows("""
Lisbon | Portugal | old trams and steep streets | mild
Paris | France | museums and small cafes | cool
Rome | Italy | ancient ruins and fountains | warm
Berlin | Germany | music clubs and wide parks | cool
Madrid | Spain | late dinners and large galleries | dry
Vienna | Austria | concert halls and coffee houses | cool
Athens | Greece | marble temples and busy markets | hot
Oslo | Norway | green hills and a deep fjord | cold
Stockholm | Sweden | islands and wooden boats | cold
Copenhagen | Denmark | bicycles and colourful harbours | windy
Helsinki | Finland | saunas and quiet islands | cold
Dublin | Ireland | friendly pubs and old libraries | rainy
London | England | red buses and old theatres | rainy
Amsterdam | the Netherlands | canals and narrow houses | rainy
Brussels | Belgium | chocolate and comic books | rainy
Prague | Czechia | stone bridges and clock towers | cool
Warsaw | Poland | rebuilt squares and long parks | cold
Budapest | Hungary | thermal baths and bright bridges | mild
Zagreb | Croatia | open markets and old lamps | mild
Bern | Switzerland | covered arcades and a green river | cool
Cairo | Egypt | pyramids and crowded bazaars | hot
Nairobi | Kenya | wild parks and tall towers | mild
Accra | Ghana | sandy beaches and loud music | hot
Lagos | Nigeria | busy ports and street food | hot
Tunis | Tunisia | white walls and blue doors | dry
Rabat | Morocco | gardens and a river mouth | mild
Istanbul | Turkey | domes and ferries | mild
Delhi | India | spice markets and red forts | hot
Mumbai | India | film studios and a long seaside road | humid
Tokyo | Japan | neon streets and tiny restaurants | humid
Kyoto | Japan | wooden shrines and bamboo paths | humid
Osaka | Japan | street snacks and a great castle | humid
Seoul | South Korea | palaces and night markets | cool
Beijing | China | broad avenues and hidden courtyards | dry
Bangkok | Thailand | river boats and golden roofs | humid
Hanoi | Vietnam | lakes and noodle soup | humid
Jakarta | Indonesia | wide bays and tall offices | humid
Manila | the Philippines | walled gardens and sunsets | humid
Sydney | Australia | sails and surf | sunny
Auckland | New Zealand | harbours and old volcanoes | windy
Toronto | Canada | lake shores and many languages | cold
Montreal | Canada | jazz festivals and fresh bagels | cold
Boston | the United States | brick houses and old schools | cold
Chicago | the United States | steel towers and a windy lake | windy
Mexico City | Mexico | murals and floating gardens | mild
Havana | Cuba | old cars and dancing | hot
Bogotá | Colombia | mountain air and gold museums | cool
Lima | Peru | cliffs and raw fish | foggy
Santiago | Chile | snowy peaks and vineyards | dry
Buenos Aires | Argentina | tango halls and bookshops | mild
São Paulo | Brazil | tall towers and endless traffic | humid
Zürich | Switzerland | banks and a clear lake | cool
Kraków | Poland | a dragon legend and a wide square | cold
Reykjavík | Iceland | hot springs and northern lights | cold
""")
CAPITALS = split_words("""Lisbon Paris Rome Berlin Madrid Vienna Athens Oslo Stockholm Copenhagen Helsinki Dublin London
Amsterdam Brussels Prague Warsaw Budapest Zagreb Bern Cairo Nairobi Accra Tunis Rabat Tokyo Seoul Beijing Bangkok Hanoi
Manila Mexico_City Havana Bogotá Lima Santiago Buenos_Aires Reykjavík""")
# animal | kind | food | home
ANIMALS = _rows("""
dog | mammal | meat | house
cat | mammal | fish | house
horse | mammal | grass | meadow
cow | mammal | grass | farm
sheep | mammal | grass | hills
fox | mammal | mice | forest
wolf | mammal | deer | forest
bear | mammal | berries | mountains
rabbit | mammal | clover | field
squirrel | mammal | nuts | park
mouse | mammal | grain | barn
hedgehog | mammal | beetles | garden
otter | mammal | fish | river
beaver | mammal | bark | river
whale | mammal | krill | ocean
dolphin | mammal | fish | ocean
elephant | mammal | leaves | savanna
giraffe | mammal | leaves | savanna
zebra | mammal | grass | savanna
lion | mammal | zebras | savanna
tiger | mammal | deer | jungle
monkey | mammal | fruit | jungle
camel | mammal | shrubs | desert
kangaroo | mammal | grass | grassland
bat | mammal | moths | cave
goat | mammal | shrubs | mountains
eagle | bird | rabbits | mountains
owl | bird | mice | forest
sparrow | bird | seeds | city
crow | bird | almost anything | field
duck | bird | water plants | pond
swan | bird | water plants | lake
penguin | bird | fish | ice
parrot | bird | seeds | jungle
heron | bird | frogs | marsh
stork | bird | frogs | village
robin | bird | worms | garden
frog | amphibian | flies | pond
toad | amphibian | slugs | garden
newt | amphibian | insects | pond
snake | reptile | mice | desert
lizard | reptile | insects | rocks
turtle | reptile | jellyfish | ocean
crocodile | reptile | fish | river
salmon | fish | shrimps | river
trout | fish | insects | stream
shark | fish | smaller fish | ocean
herring | fish | plankton | sea
bee | insect | nectar | hive
ant | insect | seeds | nest
butterfly | insect | nectar | meadow
beetle | insect | leaves | wood
spider | arachnid | flies | corner
octopus | mollusc | crabs | reef
snail | mollusc | leaves | garden
""")
# dish | first ingredient | second | third | how it is made
DISHES = _rows("""
tomato soup | tomatoes | onions | basil | simmer
pancakes | flour | milk | eggs | fry
apple pie | apples | butter | cinnamon | bake
vegetable curry | carrots | lentils | coconut milk | simmer
mushroom risotto | rice | mushrooms | parmesan | stir
potato salad | potatoes | cucumbers | mustard | mix
lemon cake | flour | lemons | sugar | bake
fish stew | cod | peppers | garlic | simmer
omelette | eggs | cheese | chives | fry
bean chili | beans | tomatoes | cumin | simmer
noodle soup | noodles | chicken | ginger | boil
bread | flour | yeast | salt | bake
pumpkin soup | pumpkin | cream | nutmeg | simmer
fruit salad | oranges | grapes | mint | mix
rice pudding | rice | milk | vanilla | stir
lasagne | pasta | spinach | ricotta | bake
fried rice | rice | peas | soy sauce | fry
onion tart | onions | cream | thyme | bake
pea soup | peas | bacon | parsley | boil
chocolate cake | chocolate | butter | eggs | bake
dumplings | cabbage | pork | sesame oil | steam
hummus | chickpeas | tahini | lemon juice | blend
pizza | dough | mozzarella | oregano | bake
porridge | oats | milk | honey | stir
beetroot salad | beetroot | walnuts | vinegar | mix
goulash | beef | paprika | onions | simmer
paella | rice | shrimps | saffron | simmer
waffles | flour | eggs | maple syrup | bake
""")
# job | what they do | tool | where
JOBS = _rows("""
baker | bakes bread before sunrise | oven | bakery
teacher | explains things to pupils | blackboard | school
doctor | treats sick people | stethoscope | hospital
nurse | looks after patients | thermometer | hospital
farmer | grows wheat and keeps cows | tractor | farm
carpenter | builds tables and doors | saw | workshop
painter | paints walls and portraits | brush | studio
musician | plays in an orchestra | violin | concert hall
sailor | crosses the sea | compass | harbour
fisher | catches herring | net | harbour
pilot | flies aeroplanes | radio | airport
driver | carries passengers | bus | station
gardener | plants trees and roses | spade | garden
librarian | lends books | catalogue | library
writer | tells stories | notebook | study
journalist | reports the news | microphone | newsroom
engineer | designs bridges | drawing board | office
programmer | writes software | keyboard | office
astronomer | studies the stars | telescope | observatory
chemist | mixes substances | test tube | laboratory
biologist | observes living things | microscope | laboratory
geologist | collects rocks | hammer | quarry
physicist | measures forces | laser | laboratory
lawyer | argues cases | law book | court
judge | decides disputes | gavel | court
tailor | sews coats | needle | shop
cook | prepares meals | knife | kitchen
waiter | serves guests | tray | restaurant
mechanic | repairs engines | wrench | garage
electrician | connects wires | screwdriver | building site
plumber | mends pipes | pipe wrench | cellar
architect | plans houses | pencil | office
photographer | takes pictures | camera | studio
postman | delivers letters | bicycle | post office
firefighter | puts out fires | hose | fire station
dentist | looks after teeth | drill | surgery
vet | heals animals | bandage | clinic
accountant | checks the books | calculator | office
translator | moves texts between languages | dictionary | study
clockmaker | repairs clocks | tweezers | workshop
""")
# subject | what is true of it
FACTS = _rows("""
water | boils at one hundred degrees Celsius at sea level
ice | floats because it is less dense than water
light | travels faster than sound
sound | needs a medium such as air or water
the Moon | moves around the Earth in about twenty-seven days
the Earth | turns around its axis once a day
the Sun | is a star at the centre of the solar system
Mercury | is the planet closest to the Sun
Venus | is hidden under thick clouds
Mars | looks red because of rust in its soil
Jupiter | is the largest planet of the solar system
Saturn | is surrounded by bright rings
Neptune | is the planet farthest from the Sun
gold | does not rust
iron | rusts when it is wet
copper | conducts electricity very well
helium | is lighter than air
oxygen | is needed for fire to burn
carbon | is found in every living thing
mercury | is a metal that is liquid at room temperature
salt | dissolves in water
sugar | tastes sweet and dissolves in tea
wood | burns and leaves ash
glass | is made by melting sand
paper | is made from the fibres of wood
a magnet | attracts iron but not copper
a compass needle | points to the north
a lens | bends light
a mirror | reflects light
a prism | splits white light into colours
a rainbow | appears when sunlight meets rain
lightning | is a very large electric spark
thunder | is the sound that lightning makes
snow | is made of small crystals of ice
wind | is air that moves from high to low pressure
the heart | pumps blood through the body
the lungs | take oxygen from the air
the brain | controls the body
a leaf | turns sunlight into sugar
a root | takes up water from the soil
a seed | grows into a plant when it is warm and wet
a fossil | is the trace of a living thing in stone
a volcano | brings molten rock to the surface
an earthquake | happens when plates of rock slip
a glacier | is a slow river of ice
a desert | gets very little rain
a triangle | has three sides
a square | has four equal sides
a circle | is round and has no corners
a century | lasts one hundred years
a decade | lasts ten years
a leap year | has three hundred and sixty-six days
an hour | has sixty minutes
a minute | has sixty seconds
a kilometre | is one thousand metres long
a kilogram | is the same as one thousand grams
""")
