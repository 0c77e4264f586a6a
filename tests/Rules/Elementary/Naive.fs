/// Tensors of any rank, read and written index by index: the slow way that elementary rules are compared with.
module Hybrid.Tests.Rules.Elementary.Naive

open Expecto
open Hybrid.Autodiff
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Tests.Support

/// All indices of a shape, the last axis fastest.
let rec indices (extents: int list) =
    match extents with
    | [] -> [ [] ]
    | extent :: rest ->
        [
            for i in 0 .. extent - 1 do
                for others in indices rest do
                    i :: others
        ]

let extentsOf (x: Tensor<_>) = List.ofArray (x.Shape.ToArray())

/// A tensor by the value at each index.
let build extents (f: int list -> float) = tensor extents (indices extents |> List.map f)

/// The element at an index.
let at (x: Tensor<float>) (index: int list) = x[Array.ofList index]

/// The list with one element of its own at a place.
let replace place value (items: int list) = List.updateAt place value items

/// What is left of an index when the reduced axes are dropped, or held at 0.
let private project (axes: int Set) keep (index: int list) =
    index
    |> List.indexed
    |> List.choose (fun (axis, i) ->
        if not (axes.Contains axis) then Some i
        elif keep then Some 0
        else None)

/// The function of all elements that fall on the same place once the axes are gone; axes from 0, none for all.
let reduce (f: float list -> float) (axes: int list) keep (x: Tensor<float>) =
    let extents = extentsOf x
    let axes = Set.ofList (if axes.IsEmpty then [ 0 .. extents.Length - 1 ] else axes)
    let groups = indices extents |> List.groupBy (project axes keep) |> Map.ofList

    let left =
        extents
        |> List.indexed
        |> List.choose (fun (axis, extent) ->
            if not (axes.Contains axis) then Some extent
            elif keep then Some 1
            else None)

    build left (fun index -> Map.tryFind index groups |> Option.defaultValue [] |> List.map (at x) |> f)

/// Some axes of a rank, each counted from either end, and the same axes counted from 0.
let drawnAxes (random: RandomStream) rank =
    let chosen = [ 0 .. rank - 1 ] |> List.filter (fun _ -> random.NextUniform() < 0.5)
    let given = chosen |> List.map (fun axis -> if random.NextUniform() < 0.5 then axis else axis - rank)
    Array.ofList (List.rev given), chosen

/// Equal shapes and, within the tolerance, equal numbers.
let expectSame tolerance (actual: Tensor<float>) (expected: Tensor<float>) message =
    Expect.equal actual.Shape expected.Shape $"{message}: shape"
    expectClose tolerance (floats actual) (floats expected) message

/// The gradient at a value; a change of the value after the forward pass does not reach it.
let private gradientAfter change (value: Tensor<float>) (record: Variable<float> -> Variable<float>) =
    let tape = Tape<float>()
    let x = value.ToPersistent()
    let input = tape.Input x
    let y = record input
    change x
    tape.Backward(y, mapTensor (fun _ -> 1.0) y.Value)
    floats (gradientOf input)

/// The pullback does not read its input's value again: it may change between the passes, and nothing is refused.
let expectRereadsNothing value record =
    let spoil (x: Tensor<float>) =
        x.Span.Fill nan
        x.MarkChanged()

    Expect.equal
        (gradientAfter spoil value record)
        (gradientAfter ignore value record)
        "gradient after the input changed"

/// The pullback reads its input's value again: a change between the passes is refused.
let expectRereads value record =
    refuses<System.InvalidOperationException, _> [ "was changed after" ] (fun () ->
        gradientAfter (fun (x: Tensor<float>) -> x.MarkChanged()) value record)

/// The caller refills his array of ids after the forward pass: nothing may come of it.
let expectOwnIds (ids: int[]) inputs (record: int[] -> Tape<float> -> Variable<float>[] -> Variable<float>) =
    let run refill =
        let tape: Tape<float> = usedTape ()
        let given = Array.copy ids
        let x = inputs |> List.map tape.Input |> Array.ofList
        let y = record given tape x

        if refill then
            System.Array.Fill(given, 0)

        tape.Backward(y, mapTensor (fun _ -> 1.0) y.Value)

        let arrays =
            [
                for struct (_, value) in y.Operation.Attributes do
                    match value with
                    | :? (int[]) as ids -> ids
                    | _ -> ()
            ]

        List.ofArray (Array.map (gradientOf >> floats) x), arrays

    Expect.equal (run true) (run false) "gradients and attributes"
