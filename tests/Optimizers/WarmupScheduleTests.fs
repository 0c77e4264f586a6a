module Hybrid.Tests.Optimizers.WarmupScheduleTests

open System
open Expecto
open Hybrid.Optimizers
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

[<Tests>]
let tests =
    testList
        "Optimizers.WarmupSchedule"
        [
            propertyUpTo
                500
                25
                "peaks at the end of the warm-up, at scale over the roots of features and steps"
                (fun sizes ->
                    let features, warmup, scale = sizes.Rows, sizes.Columns, 0.5 * float sizes.Batch
                    let schedule = WarmupSchedule(features, warmup, 10 * warmup, scale)
                    let peak = scale / sqrt (float features * float warmup)
                    expectNear 1e-14 (schedule.Rate warmup / peak) 1.0 "peak"

                    for step in 1 .. 3 * warmup do
                        let expected = peak * min (float step / float warmup) (sqrt (float warmup / float step))
                        expectNear 1e-12 (schedule.Rate step / expected) 1.0 $"step {step}"

                    covers [ "LR-1" ])

            testCase "the base model of the paper reaches 0.0007 at step 4000" (fun () ->
                let schedule = WarmupSchedule(512, 4000, 100_000)
                expectNear 1e-6 (schedule.Rate 4000) 6.987e-4 "peak"
                expectNear 1e-12 (schedule.Rate 1 * 4000.0) (schedule.Rate 4000) "straight line"
                expectNear 1e-12 (schedule.Rate 64_000 * 4.0) (schedule.Rate 4000) "inverse root")

            testCase
                "the last part of the run falls to almost 0 in a straight line, and stays 0 after its end"
                (fun () ->
                    let plain, decaying = WarmupSchedule(64, 100, 1000), WarmupSchedule(64, 100, 1000, 1.0, 0.25)
                    let part step = decaying.Rate step / plain.Rate step

                    for step in [ 1; 100; 750; 751 ] do
                        Expect.equal (part step) 1.0 $"step {step} is untouched"

                    expectNear 1e-12 (part 876) 0.5 "half way"
                    expectNear 1e-12 (part 1000) 0.004 "last step"
                    Expect.equal (decaying.Rate 1001) 0.0 "after the end"

                    for step in 751..1000 do
                        expectNear 1e-12 (part step - part (step + 1)) 0.004 $"step {step}"

                    covers [ "LR-2" ])

            testCase "a run may decay as a whole, however short" (fun () ->
                let schedule = WarmupSchedule(16, 1, 1, 1.0, 1.0)
                Expect.isGreaterThan (schedule.Rate 1) 0.0 "its only step"
                Expect.equal (schedule.Rate 2) 0.0 "after it")

            testCase "numbers that make no schedule are refused" (fun () ->
                for features, warmup, total in [ 0, 1, 1; 1, 0, 1; 1, 1, 0; -1, 1, 1; 1, -1, 1; 1, 1, -1 ] do
                    refuses<ArgumentOutOfRangeException, _> [ "must be a non-negative and non-zero value" ] (fun () ->
                        WarmupSchedule(features, warmup, total))

                for scale in [ 0.0; -1.0; nan; infinity ] do
                    refuses<ArgumentOutOfRangeException, _> [ "scale must be positive" ] (fun () ->
                        WarmupSchedule(8, 8, 8, scale))

                for decay in [ -0.1; 1.1; nan ] do
                    refuses<ArgumentOutOfRangeException, _> [ "decaying part must lie in [0, 1]" ] (fun () ->
                        WarmupSchedule(8, 8, 8, 1.0, decay))

                for step in [ 0; -1 ] do
                    refuses<ArgumentOutOfRangeException, _> [ "step" ] (fun () -> WarmupSchedule(8, 8, 8).Rate step))
        ]
