"""Free text first, the grammar after a trigger: the model may say what it likes until it writes `JSON: `."""

from __future__ import annotations

from bytebound.integrations import models
from bytebound.integrations.transformers import constrain
from pydantic import BaseModel


class User(BaseModel, extra="forbid"):
    """What must follow the trigger."""

    id: int
    username: str
    email: str


model, tokenizer = models.load("small-bytes")
prompt = "Describe a user as JSON: User 262 is hugo6, mail hugo@example.org.\nHere is"
inputs = tokenizer(prompt, return_tensors="pt")
processor = constrain(tokenizer, User, trigger="JSON: ", max_new_tokens=120)
output = model.generate(**inputs, logits_processor=[processor], max_new_tokens=120, do_sample=False)
text = tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
print(text)
before, found, after = text.partition("JSON: ")
print(repr(User.model_validate_json(after)) if found else "the trigger did not come, so all of it was free")
