namespace Hybrid.Parity

open System
open System.Collections.Generic
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Tensors
open TorchSharp

/// What is compared: a function of so many inputs, with the models whose parameters it uses. It is recorded, and torch repeats it.
type Draw<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>> =
    {
        Inputs: int list list
        Models: IModel<'T> list
        Function: Tape<'T> -> Variable<'T>[] -> Variable<'T>
        /// Of running statistics.
        Momentum: float
    }

/// A draw of shapes and settings, the same in every precision.
type IDraw =
    abstract Draw<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : RandomStream -> Draw<'T>

/// A draw, and the settings it is told by.
type Case = { Settings: string; Draw: IDraw }

[<RequireQualifiedAccess>]
module Case =
    /// Parameters anew: gains of one, biases of zero and weights that start small would hide an error. Larger weights would saturate
    /// every softmax, and leave gradients of rounding errors.
    let disturb (models: IModel<'T> list) (random: RandomStream) =
        for model in models do
            for parameter in model.Parameters do
                let numbers, shape = parameter.Value, parameter.Shape

                for i in 0 .. numbers.Length - 1 do
                    numbers.Span[i] <-
                        if shape.Rank = 1 then
                            numbers.Span[i] + 'T.CreateChecked<float>(0.3 * random.NextNormal())
                        else
                            'T.CreateChecked<float>(random.NextNormal() / sqrt (float (shape.Length / shape.Columns)))

                parameter.ZeroGradient()

    /// The worst difference of gradients of the same loss; a leaf that it does not depend on has none.
    let gradientsApart (leaves: (Tensor<'T> * torch.Tensor) list) (loss: torch.Tensor) cotangent =
        let gradients =
            torch.autograd.grad ([| loss |], [| for _, leaf in leaves -> leaf |], [| cotangent |], allow_unused = true)

        Numbers.worst
            [
                for (ours, leaf), gradient in Seq.zip leaves gradients ->
                    let gradient = if isNull (box gradient) then torch.zeros_like leaf else gradient
                    Numbers.distance (Numbers.ofOurs ours) (Numbers.ofTheirs gradient)
            ]

    /// Every recorded value, the gradients of all inputs and parameters, and the running statistics, in one precision.
    ///
    /// The function stands in the middle of a graph: its inputs are computed, 0.5 z, and it is used twice, as a pass that trains and as
    /// one that evaluates, so that each gradient takes two contributions. The cotangent is random, and no number of it near 0.
    let private compare<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>>
        table
        (case: Case)
        (random: RandomStream)
        =
        use _ = torch.NewDisposeScope()
        let draw = case.Draw.Draw<'T>(random.Split "draw")
        disturb draw.Models random
        let statistics = Replay.Statistics draw.Models
        let tape, chance = Tape<'T>(), random.Split "chance"

        let z =
            [|
                for extents in draw.Inputs ->
                    tape.Input(Numbers.ours<'T> extents (Numbers.normals random (Numbers.count extents)))
            |]

        let x = [| for z in z -> 0.5 * z |]

        let trained =
            use _ = tape.Training chance
            draw.Function tape x

        let y = trained + draw.Function tape x
        let cotangent = [| for number in Numbers.normals random y.Shape.Length -> number + float (sign number) |]
        let extents = List.ofArray (y.Shape.ToArray())
        tape.Backward(y, Numbers.ours<'T> extents cotangent)
        let values = Replay.run table chance Replay.leaf tape
        statistics.Follow draw.Momentum tape values

        let leaves =
            [
                for z in z -> nonNull z.Gradient, values[z]
                for model in draw.Models do
                    for parameter in model.Parameters ->
                        let used, value = values.TryGetValue parameter
                        parameter.Gradient, (if used then value else Replay.leaf parameter)
            ]

        {
            Forward = Math.Max(Replay.valuesApart values, statistics.Apart)
            Backward = Some(gradientsApart leaves values[y] (Numbers.theirs<'T> extents cotangent))
        }

    /// Each case in double and in single precision, by some table.
    let rowBy table kind name (cases: Case list) =
        let random = RandomStream(1UL).Split $"{kind} {name}"
        let run compare i case () : Distance = compare case (random.Split $"case {i + 1}")

        let single, wrong =
            cases
            |> List.mapi (fun i case ->
                {
                    Settings = case.Settings
                    Single = run (compare<float32> table) i case
                    Double = run (compare<float> table) i case
                }
                : Hearing.Case)
            |> Hearing.all $"{kind} {name}"

        {
            Kind = kind
            Name = name
            Cases = cases.Length
            Double =
                cases
                |> List.mapi (fun i case -> Distance.Of $"{kind} {name}" (i + 1) (run (compare<float> table) i case))
                |> List.reduce Distance.Worse
            Single = Some single
            Wrong = wrong
        }

    let row kind name cases = rowBy Replay.table kind name cases
