/// What the tests of all classifiers with batch normalization have in common.
module Hybrid.Tests.Models.Classifiers

open System
open Expecto
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Data
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

let logits (model: IClassifier<_>) training (x: Tensor<_>) =
    valueOf [ x ] (fun tape x ->
        use _ = mode training tape
        model.Logits x[0])

/// Everything that training changes.
let stateOf (model: IClassifier<_>) =
    [ for parameter in model.Parameters -> parameter.Value ]
    @ [ for Named(_, value) in model.Buffers -> value ]

/// Gains of 1, biases of 0 and statistics of nothing would hide one that is left out: now none is so.
let shaken (seed: uint64) (model: #IClassifier<'T>) =
    let random = RandomStream seed

    let change (tensor: Tensor<'T>) (next: float -> float) =
        for i in 0 .. tensor.Length - 1 do
            tensor.Span[i] <- 'T.CreateChecked(next (Double.CreateChecked tensor.Span[i]))

    let add deviation tensor = change tensor (fun value -> value + deviation * random.NextNormal())

    for parameter in model.Parameters do
        if parameter.Name.EndsWith "gain" then
            add 0.3 parameter.Value

        if parameter.Name.EndsWith "bias" then
            add 0.5 parameter.Value

    for Named(name, value) in model.Buffers do
        if name.EndsWith "mean" then
            add 0.5 value

        if name.EndsWith "variance" then
            change value (fun _ -> 0.5 + random.NextUniform())

    model

let keepResponses keeps (model: IClassifier<float>) =
    match model with
    | :? ResNet<float> as model -> model.KeepsResponses <- keeps
    | :? ResidualMlp<float> as model -> model.KeepsResponses <- keeps
    | other -> failtestf "%O keeps no responses" other

/// The variables that a pass records, in order; what goes into a rectifier too.
let variables model training (x: Tensor<float>) =
    keepResponses true model
    let tape = Tape(training = training)
    model.Logits(tape.Input x) |> ignore
    keepResponses false model
    List.ofSeq tape.Recorded

/// The same by place and rule.
let recorded model training x = [ for made in variables model training x -> (made.Place, made.Rule), made.Value ]

/// Loss and gradients are the same to the bit, whether responses are kept or fused away.
let expectResponsesChangeNothing (model: IClassifier<float>) (x: Tensor<float>) labels =
    let run keeps training =
        keepResponses keeps model
        let tape = usedTape ()
        use _ = mode training tape

        for parameter in model.Parameters do
            parameter.ZeroGradient()

        let loss = model.Loss(tape.Input x, labels)
        tape.Backward loss
        keepResponses false model
        loss.Value.ToScalar(), [ for parameter in model.Parameters -> parameter.Gradient.ToArray() ]

    for training in [ true; false ] do
        Expect.equal (run true training) (run false training) $"training {training}"

let digits =
    lazy
        (let path = IO.Path.Combine(Equations.root, "scripts", "data", "sklearn", "digits.csv.gz")
         Examples.FromTable(NumberTable.Read(path, 0), 10, 16.0))
