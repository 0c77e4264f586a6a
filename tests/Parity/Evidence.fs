/// What was compared: every pair of tensors goes by here, so that a comparison can be gone through again with other numbers in the
/// place of ours. A case is compared on one thread, one case after the other.
[<RequireQualifiedAccess>]
module Hybrid.Parity.Evidence

open System.Collections.Generic

/// What a comparison saw: its pairs of tensors in their order, and the extents of those that torch was given.
type Exhibits = { Ours: float[] list; Theirs: float[] list; Extents: int list list }

type private Listener =
    {
        /// What stands for ours in a comparison.
        Compared: float[] -> float[] -> float[]
        /// The numbers that torch is given.
        Given: int list -> float[] -> float[]
    }

let private idle = { Compared = (fun ours _ -> ours); Given = fun _ numbers -> numbers }
let mutable private listener = idle

let private listen next compute =
    listener <- next

    try
        compute ()
    finally
        listener <- idle

/// For whoever compares two tensors.
let compared ours theirs = listener.Compared ours theirs

/// For whoever gives numbers to torch.
let given extents numbers = listener.Given extents numbers

/// A comparison, and what it saw.
let keep compute =
    let ours, theirs, given = ResizeArray(), ResizeArray(), ResizeArray()

    let result =
        compute
        |> listen
            {
                Compared =
                    fun mine other ->
                        ours.Add mine
                        theirs.Add other
                        mine
                Given =
                    fun extents numbers ->
                        given.Add extents
                        numbers
            }

    let exhibits = { Ours = List.ofSeq ours; Theirs = List.ofSeq theirs; Extents = List.ofSeq given |> List.distinct }

    result, exhibits

/// The same comparison in double precision, from the numbers that single precision had, with these in the place of ours.
let against (numbers: float[] list) compute =
    let rest = Queue numbers
    let failure = "in double precision a case compares other tensors than in single"

    let result =
        compute
        |> listen
            {
                Compared =
                    fun ours _ ->
                        match rest.TryDequeue() with
                        | true, numbers when numbers.Length = ours.Length -> numbers
                        | _ -> failwith failure
                Given = fun _ numbers -> numbers |> Array.map (fun x -> float (float32 x))
            }

    if rest.Count > 0 then
        failwith failure

    result
