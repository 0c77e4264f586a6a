/// Numbers that a pullback reads again must be those of the forward pass.
module Hybrid.Tests.Autodiff.ChangedValueTests

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Optimizers
open Hybrid.Rules
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files

/// A linear map with its parameters.
let private linear () =
    let weight = Parameter<float>("weight", tensor [ 2; 2 ] [ 1.0; -2.0; 3.0; 0.5 ])
    let bias = Parameter<float>("bias", tensor [ 2 ] [ 0.1; 0.2 ])
    weight, bias

let private input (tape: Tape<float>) = tape.Input(tensor [ 1; 2 ] [ 5.0; 7.0 ])
let private along = tensor [ 1; 2 ] [ 1.0; 1.0 ]

let private refused = refuses<InvalidOperationException, unit>

let private remedy =
    "go backward through all losses before the optimizer's step, or record the pass again after it"

/// Everything in the core that writes into parameters between two passes.
let private changes: (string * (Parameter<float> list -> unit)) list =
    [
        "an optimizer's step", (fun parameters -> Sgd<float>(parameters).Step 0.1)
        "a moving average that takes its place", (fun parameters -> Ema<float>(parameters).Exchange())
        "an average that takes its place",
        (fun parameters ->
            let average = ParameterAverage<float> parameters
            average.Add()
            average.Exchange())
        "a model file",
        (fun parameters ->
            withPath (fun path ->
                ModelFile.Save(path, parameters)
                ModelFile.LoadInto(path, parameters) |> ignore))
        "a checkpoint",
        (fun parameters ->
            withFolder (fun folder ->
                use checkpoints = CheckpointFolder.Open folder
                let state = TrainingState()
                state.Add parameters
                checkpoints.Save("run", Map.empty, state)
                Expect.isTrue (checkpoints.Resume("run", Map.empty, state)) "resumed"))
    ]

[<Tests>]
let tests =
    testList
        "Autodiff.Changed values"
        [
            testCase
                "an optimizer's step between two losses of one tape is refused, and all losses first is not"
                (fun () ->
                    let weight, bias = linear ()
                    let sgd = Sgd<float> [ weight; bias ]
                    let tape = Tape<float>()
                    let h = (input tape).Linear(weight, bias)
                    let first, second = h.Scale 2.0, h.Scale 3.0
                    tape.Backward(first, along)
                    sgd.Step 0.1

                    refused [ "'weight' [2, 2] was changed after 'Linear' was computed from it"; remedy ] (fun () ->
                        tape.Backward(second, along))

                    let h = (input tape).Linear(weight, bias)
                    tape.Backward(h.Scale 2.0, along)
                    tape.Backward(h.Scale 3.0, along)
                    sgd.Step 0.1)

            for name, change in changes do
                testCase $"{name} between a forward and a backward pass is refused" (fun () ->
                    let weight, bias = linear ()
                    let tape = Tape<float>()
                    let y = (input tape).Linear(weight, bias)
                    change [ weight; bias ]
                    refused [ "'weight' [2, 2] was changed"; remedy ] (fun () -> tape.Backward(y, along))
                    tape.Clear()
                    tape.Backward((input tape).Linear(weight, bias), along))

            testCase "a change is seen through a parameter that was taken onto the tape and reshaped" (fun () ->
                let flat = Parameter<float>("flat", tensor [ 4 ] [ 1.0; 2.0; 3.0; 4.0 ])
                let tape = Tape<float>()
                let y = (input tape).MatMul((tape.Of flat).Reshape(2, 2))
                Sgd<float>([ flat ]).Step 0.1

                refused [ "'Reshape' [2, 2] was changed after 'MatMul' was computed from it"; remedy ] (fun () ->
                    tape.Backward(y, along)))

            testCase "a constant that outlives the step, such as a table, is watched too" (fun () ->
                let table = tensor [ 2; 2 ] [ 1.0; 2.0; 3.0; 4.0 ]
                let tape = Tape<float>()
                let y = (input tape).MatMul(tape.Constant table)
                table.Span.Fill 0.0
                table.MarkChanged()
                refused [ "'constant' [2, 2] was changed after 'MatMul'"; remedy ] (fun () -> tape.Backward(y, along)))

            testCase "a linear map reads its input again, which may be such a table" (fun () ->
                let weight, bias = linear ()
                let table = tensor [ 1; 2 ] [ 1.0; 2.0 ]
                let tape = Tape<float>()
                let y = (tape.Constant table).Linear(weight, bias)
                table.MarkChanged()
                refused [ "'constant' [1, 2] was changed after 'Linear'"; remedy ] (fun () -> tape.Backward(y, along)))

            testCase "what a rule does not read again may change: a bias" (fun () ->
                let weight, bias = linear ()
                let tape = Tape<float>()
                let y = (input tape).Linear(weight, bias) + bias
                Sgd<float>([ bias ]).Step 0.1
                tape.Backward(y, along)
                Expect.equal (floats bias.Gradient) [| 2.0; 2.0 |] "gradient")

            testCase "a pullback that does not run minds nothing" (fun () ->
                let weight, bias = linear ()
                let other = Parameter<float>("other", tensor [ 2; 2 ] [ 1.0; 0.0; 0.0; 1.0 ])
                let tape = Tape<float>()
                let x = input tape
                let ofWeight, ofOther = x.Linear weight, x.Linear(other, bias)
                Sgd<float>([ other ]).Step 0.1
                tape.Backward(ofWeight, along)
                refused [ "'other' [2, 2] was changed" ] (fun () -> tape.Backward(ofOther, along)))

            testCase "a rule given by its name alone counts as one that reads all its inputs" (fun () ->
                let weight, _ = linear ()
                let tape = Tape<float>()
                let y = tape.Record("custom", struct (zeros<float> [ 1; 2 ], Pullback(fun _ _ -> ())), weight)
                Sgd<float>([ weight ]).Step 0.1
                refused [ "'weight' [2, 2] was changed after 'custom'" ] (fun () -> tape.Backward(y, along)))

            testCase "an operation says which inputs its rule reads again" (fun () ->
                let weight, bias = linear ()
                let tape = Tape<float>()
                let operation = Operation("custom", Rereads = [| 1 |])
                let rule () = struct (zeros<float> [ 1; 2 ], Pullback<float>(fun _ _ -> ()))

                let first, second =
                    tape.Record(operation, rule (), weight, bias), tape.Record(operation, rule (), bias, weight)

                Sgd<float>([ weight ]).Step 0.1
                tape.Backward(first, along)
                refused [ "'weight' [2, 2] was changed" ] (fun () -> tape.Backward(second, along)))
        ]
