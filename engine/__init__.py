"""Greenlight, the project manager: events in, a decision, effects out.

What a front end may import, and nothing else (import-linter holds it to that):

    engine.bootstrap   start(settings, chat, parts) -> Engine, Parts
    engine.engine      Engine: accept, card, detail, snapshot, journal, spent, close
    engine.events      what comes in, and Reply
    engine.cards       what people are shown, and Detail
    engine.people      Person, Profile
    engine.attesting   how criteria stand with what people said after delivery
    engine.ports       Chat and the other contracts, with their values
    engine.request     the stored state, to look at
    engine.settings    configuration
    engine.surveying   a look at a repository to be; engine.proposing and configuring: what to write of it
    engine.doctor      whether all is there that a configuration needs; engine.diagnoses: what it says
    engine.errors      the error tree
    engine.leaks       secrets in texts, out of them; engine.withholding: out of events; engine.own_secrets
    engine.metrics     what the process counts; engine.vitals: how it is; engine.trace: tracebacks for logs

Composition roots, the demo among them, may also import engine.adapters. This package imports nothing
by itself, so that a command like --help does not wait for what it does not use.
"""
