"""Go on from a prompt that ends in the middle of a word, exactly: greedy, sampled, and under a grammar."""

from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import generate_bytes

model, tokenizer = models.load("small-bytes")

prompt = "The weather in Lis"
plain = model.generate(**tokenizer(prompt, return_tensors="pt"), max_new_tokens=6, do_sample=False)
print("cut tokens:", repr(tokenizer.decode(plain[0])))
exact = generate_bytes(model, tokenizer, prompt, max_new_tokens=6, do_sample=False)
print("bytes:     ", repr(prompt + exact.decode()))

day = grammars.regex(r"\d? (January|June|July) \d{4}")
for answer in generate_bytes(
    model,
    tokenizer,
    "The concert takes place on 1",
    grammar=day,
    max_new_tokens=12,
    do_sample=True,
    num_return_sequences=3,
    seed=0,
):
    print("1" + answer.decode())
