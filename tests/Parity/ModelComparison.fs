/// How models are compared, whatever they are: parameters in both libraries, distances, steps of training.
module Hybrid.Parity.ModelComparison

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Optimizers
open Hybrid.Tensors
open TorchSharp
open TorchSharp.Modules

let trainingSteps = 20

/// What can say by which settings it was made.
type IDescribed =
    abstract Settings: string

/// The parameters of a model in torch.
let parametersOf<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    (model: Layer<'T>)
    (random: RandomStream)
    =
    // Gains of one and biases of zero would hide an error.
    for parameter in model.Parameters do
        if parameter.Value.Shape.Rank = 1 then
            let noise =
                Numbers.normals random parameter.Value.Length
                |> Array.map (fun x -> 'T.CreateChecked<float>(0.3 * x))

            for i in 0 .. noise.Length - 1 do
                parameter.Value.Span[i] <- parameter.Value.Span[i] + noise[i]

    let theirs =
        [
            for parameter in model.Parameters ->
                let extents = parameter.Value.Shape.ToArray() |> List.ofArray
                parameter.Name, new Parameter(Numbers.theirs<'T> extents (Numbers.ofOurs parameter.Value), true)
        ]

    let byName = readOnlyDict theirs
    List.map snd theirs, (fun name -> byName[name] :> torch.Tensor)

/// The worst difference of the gradients, once both have been computed.
let gradientsApart (model: Layer<_>) (theirs: Parameter list) =
    Seq.map2
        (fun (mine: Hybrid.Autodiff.Parameter<_>) (other: Parameter) ->
            Numbers.distance (Numbers.ofOurs mine.Gradient) (Numbers.ofTheirs (nonNull other.grad)))
        model.Parameters
        theirs
    |> Seq.fold (fun (worst: float) error -> Math.Max(worst, error)) 0.0

/// Values apart; NaN is worse than anything.
let valuesApart (pairs: (Variable<_> * torch.Tensor) list) =
    pairs
    |> List.map (fun (mine, other) -> Numbers.distance (Numbers.ofOurs mine.Value) (Numbers.ofTheirs other))
    |> List.reduce (fun (a: float) b -> Math.Max(a, b))

/// Adam in both libraries, with the Transformer's constants.
let adam (model: Layer<float>) (theirs: Parameter list) =
    (Adam<float>.OfTransformer model.Parameters :> Optimizer<float>),
    (torch.optim.Adam(theirs, 0.001, 0.9, 0.98, 1e-9) :> torch.optim.Optimizer),
    0.001

/// Steps of training from the same start, in double: the worst relative difference of the losses. Both losses are functions of a
/// batch that is drawn anew for each step. An optimizer in both libraries comes with its rate.
let trainingApart
    (optimizer: Optimizer<float>, theirOptimizer: torch.optim.Optimizer, rate)
    draw
    ours
    (lossOf: 'Batch -> torch.Tensor)
    =
    let tape = Tape<float>()

    let differences =
        [
            for _ in 1..trainingSteps ->
                use _ = torch.NewDisposeScope()
                let batch: 'Batch = draw ()
                optimizer.ZeroGradients()
                let loss: Variable<float> = ours tape batch
                tape.Backward loss
                let ours = loss.Value.ToScalar()
                tape.Clear()
                optimizer.Step rate
                theirOptimizer.zero_grad ()
                let loss = lossOf batch
                loss.backward ()
                theirOptimizer.step () |> ignore
                abs (ours - loss.item<float>()) / loss.item<float>()
        ]

    // NaN is worse than anything.
    { Forward = List.reduce (fun (a: float) b -> Math.Max(a, b)) differences; Backward = None }

let private worst name part (variants: 'Settings list) (compare: 'Settings -> RandomStream -> Distance) =
    let random = RandomStream(1UL).Split $"model {name}"

    variants
    |> List.mapi (fun i settings ->
        Distance.Of $"{name}, {part}" i (fun () -> compare settings (random.Split $"{part} {i}")))
    |> List.reduce Distance.Worse

let private describe (settings: 'Settings) =
    match box settings with
    | :? IDescribed as described -> described.Settings
    | settings -> string settings

/// Values and gradients over all variants of a model.
let modelRow name (variants: 'Settings list) inDouble inSingle =
    let random = RandomStream(1UL).Split $"model {name}"

    let single, wrong =
        variants
        |> List.mapi (fun i settings ->
            let run compare () : Distance = compare settings (random.Split $"single {i}")
            { Settings = describe settings; Single = run inSingle; Double = run inDouble }: Hearing.Case)
        |> Hearing.all $"model {name}"

    {
        Kind = "model"
        Name = name
        Cases = variants.Length
        Double = worst name "double" variants inDouble
        Single = Some single
        Wrong = wrong
    }

/// Training over all variants of a model.
let trainingRow name (variants: 'Settings list) train =
    {
        Kind = "training"
        Name = $"{name}, {trainingSteps} steps"
        Cases = variants.Length
        Double = worst name "training" variants train
        Single = None
        Wrong = []
    }

/// Values and gradients over all variants of a model, then its training.
let rowsOf name variants inDouble inSingle train =
    [ modelRow name variants inDouble inSingle; trainingRow name variants train ]
