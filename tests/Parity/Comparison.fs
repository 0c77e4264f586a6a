namespace Hybrid.Parity

open System
open System.Numerics
open System.Text.Json.Serialization
open Hybrid.Tensors
open TorchSharp

/// How far two results lie apart: the values of a computation and, where it has any, its gradients.
type Distance =
    {
        Forward: float
        Backward: float option
    }

    /// The worse of two, each way; NaN is worse than anything.
    static member Worse (a: Distance) (b: Distance) =
        {
            Forward = Math.Max(a.Forward, b.Forward)
            Backward = Option.map2 (fun (a: float) b -> Math.Max(a, b)) a.Backward b.Backward
        }

    /// Of what could not be computed.
    static member Undefined = { Forward = nan; Backward = Some nan }

    /// A case that cannot be computed fails its subject, and no other.
    static member Of (subject: string) (case: int) (compute: unit -> Distance) =
        try
            compute ()
        with error ->
            eprintfn $"{subject}, case {case}: {error.Message}"
            Distance.Undefined

/// Largest relative differences that pass: rounding, and nothing else.
[<RequireQualifiedAccess>]
module Limit =
    let double, single = 1e-10, 2e-5

    /// Training multiplies differences from step to step.
    let training = 1e-8

/// A subject compared over many cases, in double and in single precision.
type Row =
    {
        Kind: string
        Name: string
        Cases: int
        Double: Distance
        /// None for what computes in double alone.
        Single: Distance option
        /// Cases in single precision in which torch is off its own double and ours is not. They are listed by themselves.
        [<JsonIgnore>]
        Wrong: Hybrid.Referee.Wrong list
    }

    /// NaN is within no limit.
    member row.Passes =
        let within limit (distance: Distance) =
            distance.Forward <= limit && distance.Backward |> Option.forall (fun error -> error <= limit)

        within (if row.Kind = "training" then Limit.training else Limit.double) row.Double
        && row.Single |> Option.forall (within Limit.single)

[<RequireQualifiedAccess>]
module Numbers =
    /// Differences are relative to the largest element of a tensor, or to this where all are smaller. Inputs and cotangents are of
    /// size 1; some gradients are zero by their mathematics (a bias of keys, a normalized row of one feature) and hold nothing but
    /// rounding errors of the terms that cancel.
    let private smallest = 0.5

    let distance (ours: float[]) (theirs: float[]) =
        let ours = Evidence.compared ours theirs

        if ours.Length <> theirs.Length then
            failwith $"{ours.Length} numbers of ours stand against {theirs.Length} of theirs"

        let scale = theirs |> Array.fold (fun worst x -> Math.Max(worst, abs x)) smallest
        Array.fold2 (fun worst x y -> Math.Max(worst, abs (x - y) / scale)) 0.0 ours theirs

    /// NaN is worse than anything.
    let worst (distances: float list) =
        List.fold (fun (worst: float) distance -> Math.Max(worst, distance)) 0.0 distances

    let normals (random: RandomStream) count = Array.init count (fun _ -> random.NextNormal())

    let shape (extents: int list) = Shape(List.toArray extents)
    let count (extents: int list) = List.fold (*) 1 extents

    /// A tensor of ours; the numbers are rounded to its precision.
    let ours<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>>
        (extents: int list)
        (values: float[])
        =
        Tensor<'T>.From(shape extents, ReadOnlySpan(values |> Array.map (fun x -> 'T.CreateChecked<float> x)))

    let ofOurs (tensor: Tensor<'T>) = tensor.ToArray() |> Array.map (fun x -> Double.CreateChecked<'T> x)

    let dtypeOf<'T> = if typeof<'T> = typeof<float> then torch.float64 else torch.float32

    /// A tensor of theirs, in the same precision.
    let theirs<'T> (extents: int list) (values: float[]) : torch.Tensor =
        let values = Evidence.given extents values
        let extents = extents |> List.map int64 |> List.toArray
        torch.tensor(values, dtype = torch.float64).reshape(extents).``to``(dtypeOf<'T>)

    let ofTheirs (tensor: torch.Tensor) =
        use double = tensor.detach().``to``(torch.float64).contiguous()
        double.data<float>().ToArray()

    let whole (random: RandomStream) low high = low + random.NextBelow(high - low + 1)
    let flip (random: RandomStream) = random.NextBelow 2 = 1

    /// Rows of normal numbers; never so few that a channel has next to no variance.
    let batch<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>>
        random
        width
        =
        let extents = [ whole random 12 16; width ]
        ours<'T> extents (normals random (count extents))
