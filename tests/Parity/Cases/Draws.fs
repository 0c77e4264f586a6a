namespace Hybrid.Parity

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Layers
open Hybrid.Rules
open Hybrid.Tensors

/// Subjects by name, in every precision; one of several kinds of draws has an entry for each.
type ISubjects =
    abstract Draws<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : unit -> (string * (RandomStream -> Draw<'T>)) list

module Draws =
    /// Each of a kind over 25 draws or more, from each of its entries in turn.
    let rows kind (subjects: ISubjects) isAsked =
        let case place =
            {
                Settings = ""
                Draw =
                    { new IDraw with
                        member _.Draw random = snd (subjects.Draws()[place]) random
                    }
            }

        [
            for name, entries in subjects.Draws<float>() |> List.map fst |> List.indexed |> List.groupBy snd do
                if isAsked name then
                    let places = [| for place, _ in entries -> place |]
                    let count = max 25 (3 * places.Length)
                    Case.row kind name [ for i in 0 .. count - 1 -> case places[i % places.Length] ]
        ]

    /// A function of inputs of these extents.
    let some inputs (f: Variable<'T>[] -> Variable<'T>) =
        {
            Inputs = inputs
            Models = []
            Function = fun _ x -> f x
            Momentum = BatchNorm<float>.DefaultMomentum
        }

    let one shape (f: Variable<'T> -> Variable<'T>) = some [ shape ] (fun x -> f x[0])
    let two (a, b) (f: Variable<'T> -> Variable<'T> -> Variable<'T>) = some [ a; b ] (fun x -> f x[0] x[1])

    let three (a, b, c) (f: Variable<'T> -> Variable<'T> -> Variable<'T> -> Variable<'T>) =
        some [ a; b; c ] (fun x -> f x[0] x[1] x[2])

    /// A layer on inputs of these extents.
    let layer inputs (layer: 'Layer :> Layer<'T>) (f: 'Layer -> Variable<'T>[] -> Variable<'T>) =
        { some inputs (f layer) with Models = [ layer ] }

    let private change isMeant (change: Variable<'T> -> Variable<'T>) (draw: Draw<'T>) =
        { draw with
            Function = fun tape x -> draw.Function tape (x |> Array.mapi (fun i x -> if isMeant i then change x else x))
        }

    /// Inputs six times as large, so that functions with several pieces are met in all of them, and exponentials in their tails.
    let wide draw = draw |> change (fun _ -> true) (fun x -> 6.0 * x)

    /// The last input away from 0 and of one sign.
    let apart (sign: float) draw = draw |> change ((=) (draw.Inputs.Length - 1)) (fun x -> sign * (x.Square() + 0.1))

    /// Several values in one, one behind the other.
    let joined (values: Variable<'T> list) = Forms.Concatenate([ for y in values -> y.Reshape y.Value.Shape.Length ], 0)

    let whole = Numbers.whole
    let flip = Numbers.flip

    /// Extents of one to four axes; now and then wide enough for several vectors and several threads.
    let anyShape random =
        [
            for _ in 2 .. whole random 1 4 do
                yield whole random 1 5
            if whole random 1 4 = 1 then yield whole random 30 700 else yield whole random 1 20
        ]

    /// A few small extents, or none.
    let fewAxes random most = [ for _ in 1 .. whole random 0 most -> whole random 1 4 ]

    /// Two shapes that broadcast to the given one or to less: axes dropped in front, or of extent 1.
    let broadcast (random: RandomStream) (shape: int list) =
        let part () =
            let dropped = if flip random then 0 else whole random 0 shape.Length
            [ for extent in List.skip dropped shape -> if whole random 1 4 = 1 then 1 else extent ]

        part (), part ()

    /// An axis, counted from either end.
    let axisOf (random: RandomStream) rank = whole random -rank (rank - 1)

    let index axis rank = if axis < 0 then axis + rank else axis
