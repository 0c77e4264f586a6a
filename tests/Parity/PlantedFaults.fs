/// Errors planted in either library: the comparison has to find them, and to blame whoever made them.
module Hybrid.Parity.PlantedFaults

open System
open System.Numerics
open Hybrid.Autodiff
open Hybrid.Rules
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

let private strikes fault isSingle = fault <> Nowhere && (isSingle || fault = InDoubleToo)

/// x and a little of it that comes without its gradient, or with nothing but that.
let private spoilOurs fault (tape: Tape<'T>) (x: Variable<'T>) =
    let times factor (x: Variable<'T>) = tape.Record("planted", Scale.Forward(factor, x.Value, tape.Arena), x)

    let sum (a: Variable<'T>) (b: Variable<'T>) =
        tape.Record("planted", Add.Forward(a.Value, b.Value, tape.Arena), a, b)

    match fault with
    | _ when not (strikes fault (typeof<'T> = typeof<float32>)) -> x
    | NoNumbers ->
        let nothing = Numbers.ours<'T> [ x.Value.Shape.Length ] (Array.create x.Value.Shape.Length nan)
        sum x (tape.Constant(nothing.Reshape x.Value.Shape))
    | InGradients -> sum (times (1.0 + ofOurs) x) (times -ofOurs (tape.Constant x.Value))
    | _ -> sum x (times ofOurs (tape.Constant x.Value))

let private spoilTheirs fault (x: torch.Tensor) =
    let number = Formulas.number x

    match fault with
    | _ when not (strikes fault (x.dtype = torch.float32)) -> x
    | NoNumbers -> x * number nan
    | InGradients -> x * number (1.0 + ofTheirs) - x.detach () * number ofTheirs
    | _ -> x + x.detach () * number ofTheirs

/// A sum of two inputs, as rules are compared.
let private rule ours theirs =
    let draw (random: RandomStream) =
        let extents = [ Numbers.whole random 2 5; Numbers.whole random 2 9 ]

        {
            Inputs = [ extents; extents ]
            Subject =
                { new ISubject with
                    member _.Ours() =
                        [],
                        fun tape x ->
                            tape.Record("add", Add.Forward(x[0].Value, x[1].Value, tape.Arena), x[0], x[1])
                            |> spoilOurs ours tape

                    member _.Theirs(x, _) = spoilTheirs theirs (x[0] + x[1])
                }
        }

    Case.row "rule" "planted fault" 3 [ draw ]

/// Copied numbers, of which both libraries may make something else.
let private copy<'T
    when 'T: (new: unit -> 'T)
    and 'T: struct
    and 'T: unmanaged
    and 'T :> ValueType
    and 'T :> IBinaryFloatingPointIeee754<'T>>
    ours
    theirs
    (random: RandomStream)
    =
    use _ = torch.NewDisposeScope()
    let numbers = Numbers.normals random 12
    let tape = Tape<'T>()
    let mine = spoilOurs ours tape (tape.Constant(Numbers.ours<'T> [ 3; 4 ] numbers))
    let other = spoilTheirs theirs (Numbers.theirs<'T> [ 3; 4 ] numbers)
    { Forward = Numbers.distance (Numbers.ofOurs mine.Value) (Numbers.ofTheirs other); Backward = None }

/// Three variants, of which one has the faults, as models are compared.
let private model ours theirs =
    let faulty compare isFaulty = if isFaulty then compare ours theirs else compare Nowhere Nowhere

    ModelComparison.modelRow "planted fault" [ false; true; false ] (faulty copy<float>) (faulty copy<float32>)

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
    [
        rule, Nowhere, Nowhere, true, 0, ""
        rule, Nowhere, InValues, true, 3, "values"
        rule, Nowhere, InGradients, true, 3, "gradients"
        rule, Nowhere, NoNumbers, true, 3, "values and gradients"
        rule, Nowhere, InDoubleToo, false, 0, ""
        rule, InValues, Nowhere, false, 0, ""
        rule, InGradients, Nowhere, false, 0, ""
        rule, NoNumbers, Nowhere, false, 0, ""
        rule, InDoubleToo, Nowhere, false, 0, ""
        for ours in [ InValues; InGradients; NoNumbers ] do
            for theirs in [ InValues; InGradients; NoNumbers ] do
                rule, ours, theirs, false, 0, ""
        model, Nowhere, Nowhere, true, 0, ""
        model, Nowhere, InValues, true, 1, "values"
        model, InValues, Nowhere, false, 0, ""
        model, InValues, InValues, false, 0, ""
    ]

let complaints () =
    [
        for compare, ours, theirs, passes, told, off in expected do
            let row = quietly (fun () -> compare ours theirs)
            let isTold = row.Wrong.Length = told && row.Wrong |> List.forall (fun wrong -> wrong.Of = off)

            if row.Passes <> passes || not isTold then
                let said = [ for wrong in row.Wrong -> string wrong ] |> String.concat "\n"

                $"A {row.Kind} with faults planted, %A{ours} of ours and %A{theirs} of torch's, is judged wrongly: "
                + $"passes is {row.Passes}, told are {row.Wrong.Length}. {said}"
    ]
