// The language of *.scn files: what clients ask, what upstreams say, how time passes, and what must come of it. One
// step a line; `;` begins a comment. The first step that does not hold ends the scenario with its file and line.
//
//   upstreams A B                      who exists; `{A}` in the configuration is A's address, `{A.port}` its port
//   config ... end                     Rampart's own YAML; a second one is a reload
//
//   query 1 NAME TYPE [edns] [do] [cd] [tcp] [from=192.0.2.10]     a client asks; 1 is how later steps call it
//   queries 50 NAME TYPE [...]         so many, `%` in NAME becomes a number; each must be answered in this moment
//   answer 1 RCODE [RECORD...] [why="CACHED"] [ede=22] [tc] [ad] [took=400ms..402ms]   it has been answered just so
//   waiting 1                          it has not been answered yet
//
//   receive A NAME TYPE [udp|tcp] [edns|no-edns] [mixed|lower]   A has been asked this; what follows is about it
//   ignore A                           what A was asked so far stays without an answer
//   nothing A                          A has been asked nothing that was not received
//   reply A RCODE [RECORD...] [tc] [lower] [after=50ms]            A answers it; `lower`: loses its letter case
//   forge A id|question|source [RECORD...]    somebody answers in A's place, with another ID, question or address
//   garbage A                          A answers with records that are not there
//   hang-up A                          A closes the connection that it was asked over
//   always A RCODE [RECORD...] [lower] [after=50ms]   A answers by itself from now on
//   always A silent | always A FORMERR-to-edns [RECORD...] | by-hand A
//   gone A, gone-tcp A, back A         A's ports are closed; open again
//   asked A 3 | asked A 60..140        so often since the start, or since `forget A`
//   forget A
//
//   pass 10s                           time passes (ms, s, m, h)
//   counter NAME 1 | counter NAME 1..3
//
// RECORD is TYPE/TTL/DATA or OWNER=TYPE/TTL/DATA; of a SOA, which goes into the authority section, DATA is its
// MINIMUM.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/scenario/scenario_world.h"

namespace rampart::test {

/// Runs one file; returns what did not hold, as `file:line: words`; empty: everything did.
std::string run_scenario(const std::string& path);

}  // namespace rampart::test
