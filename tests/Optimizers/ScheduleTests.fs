module Hybrid.Tests.Optimizers.ScheduleTests

open System
open Expecto
open Hybrid.Optimizers
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private refused fragments (rate: unit -> float) = refusesRange fragments rate

/// A step, or a number of them, that is none.
let private noSteps (rate: int -> float) =
    for step in [ 0; -1 ] do
        refused [ "must be a non-negative and non-zero value" ] (fun () -> rate step)

let private positive fragment (rate: float -> float) =
    for value in [ 0.0; -0.1; nan; infinity ] do
        refused [ fragment ] (fun () -> rate value)

let private steps =
    let paper step = Schedule.Steps(step, 0.1, [| 32_000; 48_000 |])

    testList
        "Steps"
        [
            testCase "the paper's rates on CIFAR-10: 0.1, divided by 10 at 32k and 48k iterations" (fun () ->
                for step, rate in
                    [ 1, 0.1; 400, 0.1; 32_000, 0.1; 32_001, 0.01; 48_000, 0.01; 48_001, 0.001; 64_000, 0.001 ] do
                    expectNear 1e-15 (paper step) rate $"step {step}")

            testCase "the paper's rates of ResNet-110: 0.01 for 400 iterations, then as the others" (fun () ->
                let warmed step = Schedule.Steps(step, 0.1, [| 32_000; 48_000 |], 10.0, 400, 0.01)
                Expect.equal (List.map warmed [ 1; 400; 401; 32_000 ]) [ 0.01; 0.01; 0.1; 0.1 ] "rates"
                covers [ "STEP-2" ])

            propertyUpTo 60 40 "is the rate divided by the factor once for each drop that lies behind" (fun sizes ->
                let random = sizes.Random

                let drops =
                    Array.init (random.NextBelow 5) (fun _ -> 1 + random.NextBelow 100) |> Array.distinct |> Array.sort

                let rate, factor = 0.01 + random.NextUniform(), 1.5 + 10.0 * random.NextUniform()
                let warmup = if Array.isEmpty drops then sizes.Rows else min sizes.Rows drops[0]
                let mutable expected = rate

                for step in 1..120 do
                    let plain = Schedule.Steps(step, rate, drops, factor)
                    expectNear 1e-14 (plain / expected) 1.0 $"step {step}"

                    Expect.equal
                        (Schedule.Steps(step, rate, drops, factor, warmup, 0.3))
                        (if step <= warmup then 0.3 else plain)
                        $"step {step}, warmed up"

                    if Array.contains step drops then
                        expected <- expected / factor

                covers [ "STEP-1" ])

            testCase "numbers that make no schedule are refused" (fun () ->
                let notPositive = "learning rate must be a positive number"
                positive notPositive (fun rate -> Schedule.Steps(1, rate, [||]))
                positive notPositive (fun rate -> Schedule.Steps(1, 0.1, [||], 10.0, 1, rate))

                for factor in [ 1.0; 0.1; nan; infinity ] do
                    refused [ "factor must be above 1" ] (fun () -> Schedule.Steps(1, 0.1, [| 5 |], factor))

                for drops, behind in [ [| 0 |], 0; [| -1 |], 0; [| 5; 5 |], 5; [| 5; 4 |], 5 ] do
                    refused [ $"behind step {behind}"; "rising order" ] (fun () -> Schedule.Steps(1, 0.1, drops))

                for warmup in [ -1; 6 ] do
                    refused [ "end before the first drop" ] (fun () -> Schedule.Steps(1, 0.1, [| 5 |], 10.0, warmup))

                noSteps paper)
        ]

let private warmup =
    testList
        "Warmup"
        [
            propertyUpTo
                500
                25
                "peaks at the end of the warm-up, at scale over the roots of features and steps"
                (fun sizes ->
                    let features, warmup, scale = sizes.Rows, sizes.Columns, 0.5 * float sizes.Batch
                    let rate step = Schedule.Warmup(step, features, warmup, scale)
                    let peak = scale / sqrt (float features * float warmup)
                    expectNear 1e-14 (rate warmup / peak) 1.0 "peak"

                    for step in 1 .. 3 * warmup do
                        let expected = peak * min (float step / float warmup) (sqrt (float warmup / float step))
                        expectNear 1e-12 (rate step / expected) 1.0 $"step {step}"

                    covers [ "LR-1" ])

            testCase "the base model of the paper reaches 0.0007 at step 4000" (fun () ->
                let rate step = Schedule.Warmup(step, 512, 4000)
                expectNear 1e-6 (rate 4000) 6.987e-4 "peak"
                expectNear 1e-12 (rate 1 * 4000.0) (rate 4000) "straight line"
                expectNear 1e-12 (rate 64_000 * 4.0) (rate 4000) "inverse root")

            testCase "numbers that make no schedule are refused" (fun () ->
                noSteps (fun step -> Schedule.Warmup(step, 8, 8))
                noSteps (fun features -> Schedule.Warmup(1, features, 8))
                noSteps (fun steps -> Schedule.Warmup(1, 8, steps))
                positive "scale must be positive" (fun scale -> Schedule.Warmup(1, 8, 8, scale)))
        ]

let private linear =
    testList
        "Linear"
        [
            testCase
                "the last part of the run falls to almost 0 in a straight line, and stays 0 after its end"
                (fun () ->
                    let part step = Schedule.Linear(step, 1000, 0.25)

                    for step in [ 1; 100; 750; 751 ] do
                        Expect.equal (part step) 1.0 $"step {step} is untouched"

                    expectNear 1e-12 (part 876) 0.5 "half way"
                    expectNear 1e-12 (part 1000) 0.004 "last step"
                    Expect.equal (part 1001) 0.0 "after the end"

                    for step in 751..1000 do
                        expectNear 1e-12 (part step - part (step + 1)) 0.004 $"step {step}"

                    covers [ "LR-2" ])

            testCase "a run may fall as a whole, however short, or not at all" (fun () ->
                Expect.equal (Schedule.Linear(1, 1)) 1.0 "its only step"
                Expect.equal (Schedule.Linear(2, 1)) 0.0 "after it"
                Expect.equal (Schedule.Linear(9, 1, 0.0)) 1.0 "no part")

            testCase "numbers that make no schedule are refused" (fun () ->
                noSteps (fun step -> Schedule.Linear(step, 8))
                noSteps (fun total -> Schedule.Linear(1, total))

                for part in [ -0.1; 1.1; nan ] do
                    refused [ "falling part must lie in [0, 1]" ] (fun () -> Schedule.Linear(1, 8, part)))
        ]

let private cosine =
    testList
        "Cosine"
        [
            propertyUpTo 40 25 "rises in a straight line, and falls as the paper's equation 5, longhand" (fun sizes ->
                let warmup, length = sizes.Columns - 1, sizes.Rows
                let low, high = 0.01 * sizes.Random.NextUniform(), 0.1
                let rate step = Schedule.Cosine(step, high, warmup + length, warmup, low)

                for step in 1..warmup do
                    expectNear 1e-14 (rate step) (high * float step / float warmup) $"step {step}"

                for t in 0..length do
                    let angle = Math.PI * float t / float length
                    expectNear 1e-14 (rate (warmup + 1 + t)) (low + 0.5 * (high - low) * (1.0 + cos angle)) $"t = {t}"

                Expect.equal (rate (warmup + length + 7)) low "behind the run"
                Expect.equal (Schedule.Cosine(length, high, length, 0, high)) high "nothing to fall")

            testCase "numbers that make no schedule are refused" (fun () ->
                noSteps (fun step -> Schedule.Cosine(step, 0.1, 8))
                positive "learning rate must be a positive number" (fun rate -> Schedule.Cosine(1, rate, 8))

                for lowest in [ -0.1; 0.2; nan ] do
                    refused [ "lowest rate must lie in [0, 0.1]" ] (fun () -> Schedule.Cosine(1, 0.1, 8, 0, lowest))

                for warmup, total in [ -1, 8; 8, 8; 0, 0; 0, -1 ] do
                    refused [ $"shorter than the run of {total} steps" ] (fun () ->
                        Schedule.Cosine(1, 0.1, total, warmup)))
        ]

[<Tests>]
let tests = testList "Optimizers.Schedule" [ steps; warmup; linear; cosine ]
