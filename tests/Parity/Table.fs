namespace Hybrid.Parity

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Rules
open Hybrid.Tensors
open TorchSharp

/// A rule beside torch's function: its name, and a choice of the inputs' extents with both functions of the inputs.
type Entry<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>> =
    string * (RandomStream -> int list list * (Variable<'T>[] -> Variable<'T>) * (torch.Tensor list -> torch.Tensor))

/// The same entries in every precision.
type ITable =
    abstract Entries<'T
        when 'T: (new: unit -> 'T)
        and 'T: struct
        and 'T: unmanaged
        and 'T :> ValueType
        and 'T :> IBinaryFloatingPointIeee754<'T>> : unit -> Entry<'T> list

module Table =
    /// Names and cases. A choice is made again from the same numbers in each precision.
    let cases (table: ITable) : (string * (RandomStream -> Case)) list =
        [
            for row, (name, draw) in List.indexed (table.Entries<float>()) ->
                name,
                fun random ->
                    let settings () = random.Split "settings"
                    let inputs, _, theirs = draw (settings ())

                    {
                        Inputs = inputs
                        Subject =
                            { new ISubject with
                                member _.Ours() =
                                    let _, draw = table.Entries()[row]
                                    let _, ours, _ = draw (settings ())
                                    [], (fun _ x -> ours x)

                                member _.Theirs(x, _) = theirs x
                            }
                    }
        ]

    let one shape (ours: Variable<'T> -> Variable<'T>) (theirs: torch.Tensor -> torch.Tensor) =
        [ shape ], (fun (x: Variable<'T>[]) -> ours x[0]), (fun (x: torch.Tensor list) -> theirs x[0])

    let two (a, b) (ours: Variable<'T> -> Variable<'T> -> Variable<'T>) theirs =
        [ a; b ],
        (fun (x: Variable<'T>[]) -> ours x[0] x[1]),
        (fun (x: torch.Tensor list) -> theirs x[0] x[1]: torch.Tensor)

    let three (a, b, c) (ours: Variable<'T> -> Variable<'T> -> Variable<'T> -> Variable<'T>) theirs =
        [ a; b; c ],
        (fun (x: Variable<'T>[]) -> ours x[0] x[1] x[2]),
        (fun (x: torch.Tensor list) -> theirs x[0] x[1] x[2]: torch.Tensor)

    let private change
        isMeant
        (ofOurs: Variable<'T> -> Variable<'T>)
        (ofTheirs: torch.Tensor -> torch.Tensor)
        (extents, ours, theirs)
        =
        extents,
        (fun (x: Variable<'T>[]) ->
            (ours (x |> Array.mapi (fun i x -> if isMeant i then ofOurs x else x)): Variable<'T>)),
        (fun (x: torch.Tensor list) ->
            (theirs (x |> List.mapi (fun i x -> if isMeant i then ofTheirs x else x)): torch.Tensor))

    /// Inputs six times as large, so that functions with several pieces are met in all of them, and exponentials in their tails.
    let wide entry = entry |> change (fun _ -> true) (fun x -> 6.0 * x) (fun x -> x * Formulas.number x 6.0)

    /// The last input away from 0 and of one sign.
    let apart (sign: float) (extents, ours, theirs) =
        (extents, ours, theirs)
        |> change ((=) (List.length extents - 1)) (fun x -> sign * (x.Square() + 0.1)) (fun x ->
            (x * x + Formulas.number x 0.1) * Formulas.number x sign)

    /// Several values in one, one behind the other.
    let joined (values: Variable<'T> list) = Forms.Concatenate([ for y in values -> y.Reshape y.Value.Shape.Length ], 0)

    let theirsJoined (values: torch.Tensor list) = torch.cat ([| for y in values -> y.flatten () |], 0L)

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
