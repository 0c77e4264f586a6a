module Hybrid.Tests.Optimizers.StepScheduleTests

open System
open Expecto
open Hybrid.Optimizers
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Optimizers.StepSchedule"
        [
            testCase "the paper's rates on CIFAR-10: 0.1, divided by 10 at 32k and 48k iterations" (fun () ->
                let schedule = StepSchedule(0.1, [ 32_000; 48_000 ])

                for step, rate in
                    [ 1, 0.1; 400, 0.1; 32_000, 0.1; 32_001, 0.01; 48_000, 0.01; 48_001, 0.001; 64_000, 0.001 ] do
                    expectNear 1e-15 (schedule.Rate step) rate $"step {step}")

            testCase "the paper's rates of ResNet-110: 0.01 for 400 iterations, then as the others" (fun () ->
                let schedule = StepSchedule(0.1, [ 32_000; 48_000 ], 10.0, 400, 0.01)

                Expect.equal
                    [ for step in [ 1; 400; 401; 32_000 ] -> schedule.Rate step ]
                    [ 0.01; 0.01; 0.1; 0.1 ]
                    "rates"

                covers [ "STEP-2" ])

            propertyUpTo 60 40 "is the rate divided by the factor once for each drop that lies behind" (fun sizes ->
                let random = sizes.Random

                let drops =
                    List.init (random.NextBelow 5) (fun _ -> 1 + random.NextBelow 100) |> List.distinct |> List.sort

                let rate, factor = 0.01 + random.NextUniform(), 1.5 + 10.0 * random.NextUniform()
                let warmup = if drops.IsEmpty then sizes.Rows else min sizes.Rows drops.Head
                let plain, warmed = StepSchedule(rate, drops, factor), StepSchedule(rate, drops, factor, warmup, 0.3)
                let mutable expected = rate

                for step in 1..120 do
                    expectNear 1e-14 (plain.Rate step / expected) 1.0 $"step {step}"

                    Expect.equal
                        (warmed.Rate step)
                        (if step <= warmup then 0.3 else plain.Rate step)
                        $"step {step}, warmed up"

                    if List.contains step drops then
                        expected <- expected / factor

                covers [ "STEP-1" ])

            testCase "numbers that make no schedule are refused" (fun () ->
                for rate in [ 0.0; -0.1; nan; infinity ] do
                    let fragment = "learning rate must be a positive number"
                    refuses<ArgumentOutOfRangeException, _> [ fragment; "'rate'" ] (fun () -> StepSchedule(rate, []))

                    refuses<ArgumentOutOfRangeException, _> [ fragment; "warmupRate" ] (fun () ->
                        StepSchedule(0.1, [], 10.0, 1, rate))

                for factor in [ 1.0; 0.1; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _> [ "factor must be above 1" ] (fun () ->
                        StepSchedule(0.1, [ 5 ], factor))

                for drops, behind in [ [ 0 ], 0; [ -1 ], 0; [ 5; 5 ], 5; [ 5; 4 ], 5 ] do
                    refuses<ArgumentOutOfRangeException, _> [ $"behind step {behind}"; "rising order" ] (fun () ->
                        StepSchedule(0.1, drops))

                for warmup in [ -1; 6 ] do
                    refuses<ArgumentOutOfRangeException, _> [ "end before the first drop" ] (fun () ->
                        StepSchedule(0.1, [ 5 ], 10.0, warmup))

                for step in [ 0; -1 ] do
                    refuses<ArgumentOutOfRangeException, _> [ "step" ] (fun () -> StepSchedule(0.1, [ 5 ]).Rate step))
        ]
