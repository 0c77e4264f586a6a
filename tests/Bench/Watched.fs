/// Tapes of whole training steps, where the profile finds them.
module Hybrid.Bench.Watched

open Hybrid.Autodiff

let mutable tapes: Tape<single> list = []

/// Notes a tape, and hands it on.
let tape (made: Tape<single>) =
    tapes <- made :: tapes
    made
