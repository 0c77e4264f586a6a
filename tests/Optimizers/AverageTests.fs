/// Averages of parameters over their training: of a few moments, and one that forgets.
module Hybrid.Tests.Optimizers.AverageTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Equations
open Hybrid.Tests.Support

let private parameters (random: RandomStream) sizes =
    sizes |> List.mapi (fun i size -> Parameter<float>($"p{i}", normal random [ size ]))

let private values (parameters: Parameter<float> list) =
    parameters |> List.map (fun parameter -> floats parameter.Value) |> Array.concat

let private set (parameters: Parameter<float> list) (random: RandomStream) =
    for parameter in parameters do
        for i in 0 .. parameter.Value.Length - 1 do
            parameter.Value.Span[i] <- random.NextNormal()

[<Tests>]
let parameterAverage =
    testList
        "Optimizers.ParameterAverage"
        [
            property 40 "the mean of all moments; exchanged twice, nothing has changed" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random [ sizes.Rows; 1; 5 * sizes.Columns ]
                let average = ParameterAverage trained

                let moments =
                    [
                        for _ in 1 .. sizes.Inner do
                            set trained random
                            average.Add()
                            values trained
                    ]

                let mean = List.reduce (Array.map2 (+)) moments |> Array.map (fun sum -> sum / float moments.Length)
                set trained random
                let last = values trained
                Expect.equal average.Count moments.Length "count"
                average.Exchange()
                expectClose 1e-12 (values trained) mean "mean"
                average.Exchange()
                Expect.equal (values trained) last "as before, to the bit")

            property 20 "restored in another run, it goes on to the bit" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random [ sizes.Rows; sizes.Columns ]
                let first, second = ParameterAverage trained, ParameterAverage trained
                first.Add()
                set trained random
                first.Add()
                // What the other had counted is forgotten.
                second.Add()
                second.Restore(first.Save())
                set trained random
                first.Add()
                second.Add()
                Expect.equal (second.Save()) (first.Save()) "numbers and count")

            testCase "single precision loses nothing of a mean of equal moments" (fun () ->
                let value = Tensor<single>.From(Shape 2, ReadOnlySpan [| 0.1f; 3e38f |])
                let average = ParameterAverage [ Parameter<single>("p", value) ]

                for _ in 1..7 do
                    average.Add()

                average.Exchange()
                Expect.equal (value.ToArray()) [| 0.1f; 3e38f |] "values")

            testCase "no moment, a parameter that is no number, and another model's average are refused" (fun () ->
                let trained = parameters (RandomStream 1UL) [ 2; 3 ]
                let average = ParameterAverage trained
                refuses<InvalidOperationException, _> [ "call Add first" ] average.Exchange
                average.Add()
                let before = average.Save()
                trained[1].Value[ 2 ] <- nan
                refuses<NonFiniteException, _> [ "'p1' [3]" ] average.Add
                Expect.equal (average.Save()) before "as it was"

                refuses<ArgumentException, _> [ "4 numbers"; "average of 5" ] (fun () ->
                    average.Restore(Array.zeroCreate 4))

                refuses<ArgumentException, _> [ "count" ] (fun () ->
                    average.Restore [| 1.0; 2.0; 3.0; 4.0; 5.0; -1.0 |])

                refuses<ArgumentException, _> [ "count" ] (fun () ->
                    average.Restore [| 1.0; 2.0; 3.0; 4.0; 5.0; nan |]))
        ]

[<Tests>]
let ema =
    testList
        "Optimizers.Ema"
        [
            property 40 "ten updates equal the recurrence, longhand; exchanged twice, nothing has changed" (fun sizes ->
                let random = sizes.Random
                let trained = parameters random [ sizes.Rows; 1; 5 * sizes.Columns ]
                let decay = 0.999 * random.NextUniform()
                let ema = Ema(trained, decay)
                let mutable mean = values trained

                for _ in 1..10 do
                    set trained random
                    ema.Update()
                    mean <- Array.map2 (fun m x -> decay * m + (1.0 - decay) * x) mean (values trained)

                let last = values trained
                ema.Exchange()
                expectClose 1e-12 (values trained) mean "average"
                ema.Exchange()
                Expect.equal (values trained) last "as before, to the bit"
                covers [ "EMA-1" ])

            testCase "before any update it is the parameters it began at, whatever they are now" (fun () ->
                let trained = parameters (RandomStream 1UL) [ 2; 3 ]
                let first = values trained
                let ema = Ema trained
                set trained (RandomStream 2UL)
                ema.Exchange()
                Expect.equal (values trained) first "values")

            testCase "if nothing is said it keeps 0.9999; at 0 it follows at once" (fun () ->
                let p = Parameter<float>("p", tensor [ 1 ] [ 0.0 ])
                let slow, quick = Ema [ p ], Ema([ p ], 0.0)
                p.Value.Span[0] <- 5.0
                slow.Update()
                quick.Update()
                expectClose 1e-15 (slow.Save()) [| 5e-4 |] "slow"
                Expect.equal (quick.Save()) [| 5.0 |] "quick")

            testCase "single precision loses nothing of many small moves" (fun () ->
                let p = Parameter<float32>("p", tensor [ 1 ] [ 1.0f ])
                let ema = Ema([ p ], 0.9999)
                p.Value.Span[0] <- 1.001f

                for _ in 1..1000 do
                    ema.Update()

                let left = 0.9999 ** 1000.0
                expectClose 1e-12 (ema.Save()) [| left + (1.0 - left) * float 1.001f |] "average")

            testCase "saved with the state of a run and resumed, it goes on to the bit" (fun () ->
                let start () =
                    let trained = parameters (RandomStream 1UL) [ 2; 3 ]
                    let ema = Ema(trained, 0.9)
                    let state = TrainingState()
                    state.Add trained

                    state.Add(
                        "ema",
                        Shape [| ema.Save().Length |],
                        (fun () -> ema.Save()),
                        (fun saved -> ema.Restore saved)
                    )

                    let update seed =
                        set trained (RandomStream seed)
                        ema.Update()

                    ema, state, update

                Files.withFolder (fun folder ->
                    use checkpoints = CheckpointFolder.Open folder
                    let settings = readOnlyDict []
                    let whole, state, update = start ()
                    update 2UL
                    checkpoints.Save("run", settings, state)
                    update 3UL
                    let resumed, state, update = start ()
                    Expect.isTrue (checkpoints.Resume("run", settings, state)) "there is a checkpoint"
                    update 3UL
                    Expect.equal (resumed.Save()) (whole.Save()) "average"))

            testCase
                "a decay outside [0, 1), a parameter that is no number and another model's average are refused"
                (fun () ->
                    let trained = parameters (RandomStream 1UL) [ 2; 3 ]

                    for decay in [ 1.0; -0.1; nan ] do
                        refusesRange [ "A decay must lie in [0, 1)"; "never move" ] (fun () -> Ema(trained, decay))

                    let ema = Ema trained
                    let before = ema.Save()
                    trained[1].Value.Span[ 2 ] <- nan
                    refuses<NonFiniteException, _> [ "'p1' [3]" ] ema.Update
                    refuses<NonFiniteException, _> [ "'p1' [3]" ] (fun () -> Ema trained)
                    Expect.equal (ema.Save()) before "as it was"

                    refuses<ArgumentException, _> [ "4 numbers"; "average of 5"; "same model" ] (fun () ->
                        ema.Restore(Array.zeroCreate 4)))
        ]
