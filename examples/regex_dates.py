"""A regular expression as a logits processor: sampled dates are always dates."""

from __future__ import annotations

import datetime

import torch
from bytebound import grammars
from bytebound.integrations import models
from bytebound.integrations.transformers import constrain

torch.manual_seed(0)
model, tokenizer = models.load("small-bytes")
date = grammars.regex(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])")
prompt = 'Write an event as JSON:\n{"title": "Spring Concert", "date": "'
inputs = tokenizer(prompt, return_tensors="pt")
output = model.generate(
    **inputs,
    logits_processor=[constrain(tokenizer, date)],
    do_sample=True,
    temperature=1.5,
    num_return_sequences=5,
    max_new_tokens=30,
)
for row in output[:, inputs["input_ids"].shape[1] :]:
    text = tokenizer.decode(row, skip_special_tokens=True)
    print(datetime.date.fromisoformat(text).strftime("%d %B %Y"))
