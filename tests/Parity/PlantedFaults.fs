/// Errors planted in either library: the comparison has to find them, and to blame whoever made them.
module Hybrid.Parity.PlantedFaults

open System
open Hybrid.Autodiff
open Hybrid.Tensors
open TorchSharp

/// Where an error is, of either library; all but the last are in single precision only.
type private Fault =
    | Nowhere
    | InValues
    | InGradients
    | NoNumbers
    | InDoubleToo

/// Far above the bound, and of another size for each library, so that two errors do not agree.
let private ofOurs, private ofTheirs = 1e-3, 5e-3

/// By how much a value and its gradient are too large.
let private excess size fault isSingle =
    match fault with
    | Nowhere -> 0.0, 0.0
    | InDoubleToo -> size, 0.0
    | _ when not isSingle -> 0.0, 0.0
    | InValues -> size, 0.0
    | InGradients -> 0.0, size
    | NoNumbers -> nan, nan

/// A rule that leaves its input as it is, but for our fault.
let private spoil fault (x: Variable<'T>) =
    let inValues, inGradients = excess ofOurs fault (typeof<'T> = typeof<float32>)
    let times excess (numbers: Tensor<'T>) = Numbers.ofOurs numbers |> Array.map (fun x -> x + excess * x)
    let extents = List.ofArray (x.Shape.ToArray())

    let pullback =
        Pullback<'T>(fun dy gradients ->
            let struct (dx, accumulate) = gradients.Open 0

            for i, number in Array.indexed (times inGradients dy) do
                let before = if accumulate then dx.Span[i] else 'T.Zero
                dx.Span[i] <- before + 'T.CreateChecked<float> number)

    (nonNull x.Tape).Record("Planted", struct (Numbers.ours<'T> extents (times inValues x.Value), pullback), x)

/// The same of torch, with its fault.
let private formula fault (x: torch.Tensor) =
    let inValues, inGradients = excess ofTheirs fault (x.dtype = torch.float32)
    let once = x.detach ()
    x + x * number x inGradients + once * number x (inValues - inGradients)

/// Three cases, of which some have the faults.
let private row isFaulty ours theirs =
    let draw fault =
        { new IDraw with
            member _.Draw random =
                let extents = [ Numbers.whole random 2 5; Numbers.whole random 2 9 ]
                Draws.two (extents, extents) (fun a b -> spoil fault (a + b))
        }

    let case i = { Settings = $"case {i}"; Draw = draw (if isFaulty i then ours else Nowhere) }
    let planted = "Planted", (fun _ -> unary (formula theirs)): string * Formula
    let table = readOnlyDict (planted :: [ for entry in Replay.table -> entry.Key, entry.Value ])
    Case.rowBy table "rule" "planted fault" [ for i in 0..2 -> case i ]

/// Standard error has what the comparison says of errors, which are wanted here.
let private quietly compute =
    let console = Console.Error
    Console.SetError IO.TextWriter.Null

    try
        compute ()
    finally
        Console.SetError console

/// Ours, theirs, whether it passes, how many cases are told, and of what.
let private expected =
    let everywhere, once = (fun _ -> true), (=) 1

    [
        everywhere, Nowhere, Nowhere, true, 0, ""
        everywhere, Nowhere, InValues, true, 3, "values"
        everywhere, Nowhere, InGradients, true, 3, "gradients"
        everywhere, Nowhere, NoNumbers, true, 3, "values and gradients"
        everywhere, Nowhere, InDoubleToo, false, 0, ""
        everywhere, InValues, Nowhere, false, 0, ""
        everywhere, InGradients, Nowhere, false, 0, ""
        everywhere, NoNumbers, Nowhere, false, 0, ""
        everywhere, InDoubleToo, Nowhere, false, 0, ""
        for ours in [ InValues; InGradients; NoNumbers ] do
            for theirs in [ InValues; InGradients; NoNumbers ] do
                everywhere, ours, theirs, false, 0, ""
        once, InValues, Nowhere, false, 0, ""
        once, InGradients, Nowhere, false, 0, ""
    ]

let complaints () =
    [
        for isFaulty, ours, theirs, passes, told, off in expected do
            let row = quietly (fun () -> row isFaulty ours theirs)
            let isTold = row.Wrong.Length = told && row.Wrong |> List.forall (fun wrong -> wrong.Of = off)

            if row.Passes <> passes || not isTold then
                let said = [ for wrong in row.Wrong -> string wrong ] |> String.concat "\n"

                $"A case with faults planted, %A{ours} of ours and %A{theirs} of torch's, is judged wrongly: "
                + $"passes is {row.Passes}, told are {row.Wrong.Length}. {said}"
    ]
