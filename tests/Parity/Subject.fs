namespace Hybrid.Parity

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open TorchSharp

/// What is compared: a function of tensors and of named parameters, in both libraries.
type ISubject =
    /// Our function. The first call may make parameters, by that list; all further calls use them again.
    abstract Ours<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> :
        unit -> Parameter<'T> list * (Tape<'T> -> Variable<'T>[] -> Variable<'T>)

    /// The same in torch, from the inputs and a parameter by its name.
    abstract Theirs: inputs: torch.Tensor list * parameter: (string -> torch.Tensor) -> torch.Tensor

/// One random choice of shapes and settings.
type Case = { Inputs: int list list; Subject: ISubject }

[<RequireQualifiedAccess>]
module Case =
    /// Values and gradients of a case in one precision.
    ///
    /// The function stands in the middle of a graph: its inputs are computed, 0.5 z, and its value is used, f(x) + f(x), so that each
    /// gradient takes two contributions. The cotangent is random.
    let private compare<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>>
        (case: Case)
        (random: RandomStream)
        =
        use _ = torch.NewDisposeScope()
        let values = case.Inputs |> List.map (fun extents -> Numbers.normals random (Numbers.count extents))
        let parameters, f = case.Subject.Ours<'T>()

        for parameter in parameters do
            let shape = parameter.Value.Shape
            // Matrices as initialization has them: larger ones would saturate every softmax, and leave gradients of rounding errors.
            let deviation = if shape.Rank = 2 then 1.0 / sqrt (float shape.Rows) else 1.0
            let drawn = Numbers.normals random shape.Length |> Array.map (fun x -> deviation * x)
            (Numbers.ours<'T> [ shape.Length ] drawn).Span.CopyTo parameter.Value.Span
            parameter.ZeroGradient()

        let tape = Tape<'T>()
        let z = List.map2 Numbers.ours<'T> case.Inputs values |> List.map tape.Input

        let x = [| for z in z -> 0.5 * z |]
        let y = f tape x + f tape x
        let extents = y.Value.Shape.ToArray() |> List.ofArray
        let cotangent = Numbers.normals random y.Value.Length
        tape.Backward(y, Numbers.ours<'T> extents cotangent)

        let theirZ =
            List.map2 (fun extents values -> (Numbers.theirs<'T> extents values).requires_grad_ true) case.Inputs values

        let theirParameters =
            [
                for parameter in parameters ->
                    let extents = parameter.Value.Shape.ToArray() |> List.ofArray
                    parameter.Name, (Numbers.theirs<'T> extents (Numbers.ofOurs parameter.Value)).requires_grad_ true
            ]

        let byName = readOnlyDict theirParameters
        let half (z: torch.Tensor) = z * torch.tensor (0.5, dtype = Numbers.dtypeOf<'T>)
        let g () = case.Subject.Theirs(List.map half theirZ, (fun name -> byName[name]))
        let theirY = g () + g ()
        let leaves = [| yield! theirZ; yield! List.map snd theirParameters |]
        let theirGradients = torch.autograd.grad ([| theirY |], leaves, [| Numbers.theirs<'T> extents cotangent |])

        let gradients =
            [
                for z in z -> nonNull z.Gradient
                for parameter in parameters -> parameter.Gradient
            ]

        {
            Forward = Numbers.distance (Numbers.ofOurs y.Value) (Numbers.ofTheirs theirY)
            Backward =
                List.map2
                    (fun ours theirs -> Numbers.distance (Numbers.ofOurs ours) (Numbers.ofTheirs theirs))
                    gradients
                    (List.ofSeq theirGradients)
                |> List.fold (fun (worst: float) error -> Math.Max(worst, error)) 0.0
                |> Some
        }

    /// Draws as many cases, from each kind of case in turn, and compares each in double and in single precision.
    let row kind name cases (draws: (RandomStream -> Case) list) =
        let random = RandomStream(1UL).Split $"{kind} {name}"

        let run compare i () : Distance =
            let draw = draws[(i - 1) % draws.Length]
            compare (draw (random.Split $"case {i}")) (random.Split $"numbers {i}")

        let single, wrong =
            Hearing.all
                $"{kind} {name}"
                [
                    for i in 1..cases ->
                        { Settings = ""; Single = run compare<float32> i; Double = run compare<float> i }
                ]

        {
            Kind = kind
            Name = name
            Cases = cases
            Double =
                [ for i in 1..cases -> Distance.Of $"{kind} {name}" i (run compare<float> i) ]
                |> List.reduce Distance.Worse
            Single = Some single
            Wrong = wrong
        }
