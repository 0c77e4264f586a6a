/// What is measured: pieces of work that both libraries do.
namespace Hybrid.Bench

open System

/// One library's way of doing the work.
type Side =
    {
        /// Does the work once.
        Run: unit -> unit
        /// What the work computes, to be compared with the other side's. Called once, before the first run.
        Results: unit -> float[] list
    }

/// The least ratio (libtorch's time over ours) that is promised, and the one that is hoped for.
type Goal = { Floor: float; Stretch: float }

type Workload =
    {
        Name: string
        /// None where the ratio is only reported.
        Goal: Goal option
        /// The largest difference of the results that rounding explains, relative to the largest of their numbers.
        Tolerance: float
        /// Whole training steps: the peak memory is compared too.
        IsStep: bool
        Ours: unit -> Side
        Torch: unit -> Side
    }

module Side =
    /// A training step of a library: measured with its update or without; the losses of three, with it, are compared.
    let training withOptimizer (scoped: (unit -> float) -> float) step compared update =
        let run isUpdated step () =
            scoped (fun () ->
                let loss = step ()

                if isUpdated then
                    update ()

                loss)

        {
            Run = run withOptimizer step >> ignore
            Results = fun () -> [ for _ in 1..3 -> [| run true compared () |] ]
        }

/// Numbers that both sides start from, made from a name, so that a side alone in its process gets the same ones.
module Inputs =
    open Hybrid.Tensors

    /// Uniform in ±limit.
    let uniform (name: string) (limit: float) length =
        let random = RandomStream(1UL).Split name
        Array.init length (fun _ -> single ((2.0 * random.NextUniform() - 1.0) * limit))

    /// Whole numbers in [first, limit).
    let ids (name: string) first limit length =
        let random = RandomStream(1UL).Split name
        Array.init length (fun _ -> first + random.NextBelow(limit - first))

module Goal =
    let goal floor stretch = Some { Floor = floor; Stretch = stretch }

    let verdict (goal: Goal option) ratio =
        match goal with
        | None -> "none"
        | Some goal when ratio >= goal.Stretch -> "stretch"
        | Some goal when ratio >= goal.Floor -> "met"
        | Some _ -> "below"
