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

/// How near what goes into any rectifier comes to its kink.
let distanceToKink model training x =
    variables model training x
    |> Seq.filter (fun made -> made.Rule = "Relu")
    |> Seq.collect (fun made -> floats made.Inputs[0].Value)
    |> Seq.map abs
    |> Seq.min

/// A model and a batch that comes near no kink; the seed is raised until that is so.
let rec drawn (make: uint64 -> IClassifier<float>) training features rows seed =
    let model = make seed |> shaken seed
    let random = RandomStream(seed).Split "batch"
    let x = normal random [ rows; features ]

    if distanceToKink model training x < 15.0 * GradCheck.Step then
        drawn make training features rows (seed + 1UL)
    else
        model, x, Array.init rows (fun _ -> random.NextBelow 3)

/// The loss, with respect to the input and every parameter, while training and not.
let expectGradients rule (make: uint64 -> IClassifier<float>) features rows =
    for training in [ true; false ] do
        let model, x, labels = drawn make training features rows 1UL

        Gradients.expectGradient rule (RandomStream 2UL) [ x ] (List.ofSeq model.Parameters) (fun tape x ->
            use _ = mode training tape
            model.Loss(x[0], labels))

/// In inference, NaN in every other row would show in any sum over the batch.
let expectIndependentRows (model: IClassifier<float>) (x: Tensor<float>) =
    let y = logits model false x

    for kept in 0 .. x.Shape[0] - 1 do
        let other = rowsOf x |> Array.mapi (fun i row -> if i = kept then row else Array.map (fun _ -> nan) row)

        let among = logits model false (tensor [ x.Shape[0]; x.Shape[1] ] (Array.concat other))
        Expect.equal (row kept among) (row kept y) $"row {kept} among NaN"
        expectClose 1e-12 (row 0 (logits model false (rowAt kept x))) (row kept y) $"row {kept} alone"

let digits =
    lazy
        (let path = IO.Path.Combine(Equations.root, "scripts", "data", "sklearn", "digits.csv.gz")
         Examples.FromTable(NumberTable.Read(path, 0), 10, 16.0))

/// Steps of gradient descent with momentum on one batch of digits: the losses, and how many of the batch the model gets right.
let train (model: IClassifier<float32>) examples steps rate =
    let struct (x, labels) = digits.Value.Batch<float32>(ReadOnlySpan [| 0 .. examples - 1 |])
    let sgd = Sgd<float32>(model.Parameters, 0.9)
    let tape = Tape<float32>(training = true)

    let losses =
        [
            for _ in 1..steps do
                tape.Clear()
                sgd.ZeroGradients()
                let loss = model.Loss(tape.Constant x, labels)
                tape.Backward loss
                sgd.Step rate
                float (loss.Value.ToScalar())
        ]

    let likeliest (row: float[]) = Array.IndexOf(row, Array.max row)
    let answers = logits model true x |> rowsOf |> Array.map likeliest
    losses, (Array.zip answers labels |> Array.filter (fun (a, l) -> a = l)).Length
