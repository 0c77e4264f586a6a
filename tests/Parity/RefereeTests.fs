/// Part of Hybrid.Tests: who is blamed for a difference, which needs no other library to be checked.
module Hybrid.Tests.Parity.RefereeTests

open System.IO
open Expecto
open Hybrid.Referee

let private bound = 1e-5

/// A difference that double precision, asked, puts down to these errors.
let private judged ours theirs = judge bound 1e-3 (fun () -> { Ours = ours; Theirs = theirs })

let private isBlamed verdict =
    match verdict with
    | TheyAreWrong _ -> true
    | _ -> false

/// What Linux says of the processor, where it runs on one that has families.
let private told key =
    if File.Exists "/proc/cpuinfo" then
        File.ReadLines "/proc/cpuinfo"
        |> Seq.map (fun line -> line.Split ':' |> Array.map _.Trim())
        |> Seq.tryFind (fun parts -> parts[0] = key)
        |> Option.map (fun parts -> parts[1])
    else
        None

[<Tests>]
let tests =
    testList
        "Parity/Referee"
        [
            test "double precision is not asked where the two agree" {
                let verdict = judge bound bound (fun () -> failtest "it was asked")
                Expect.equal verdict Agree "the verdict"
            }
            test "the other library is blamed only where ours is right and it is not" {
                Expect.equal (judged 1e-7 0.5) (TheyAreWrong { Ours = 1e-7; Theirs = 0.5 }) "theirs is off"
                Expect.isTrue (isBlamed (judged 1e-7 nan)) "theirs is no number"
                Expect.isFalse (isBlamed (judged 0.5 1e-7)) "ours is off"
                Expect.isFalse (isBlamed (judged 0.5 0.7)) "both are off"
                Expect.isFalse (isBlamed (judged nan 0.5)) "ours is no number"
                Expect.isFalse (isBlamed (judged nan nan)) "neither is a number"
                Expect.isFalse (isBlamed (judged bound bound)) "nobody is off"
            }
            test "what is no number is a difference" {
                Expect.isTrue (isBlamed (judge bound nan (fun () -> { Ours = 0.0; Theirs = nan }))) "NaN apart"
            }
            test "the processor is the one that the system tells" {
                match told "vendor_id", told "cpu family", told "model", told "stepping" with
                | Some vendor, Some family, Some model, Some stepping ->
                    let words = $"{vendor} family {family}, model {model}, stepping {stepping}"
                    Expect.equal processor words "the words"
                | _ -> Expect.isNotEmpty processor "some words"
            }
            test "what is told names the case, both errors and the processor" {
                let wrong =
                    {
                        Name = "model M"
                        Settings = "case 2"
                        Of = "gradients"
                        Theirs = 0.43
                        Ours = 1.4e-7
                        Processor = "P"
                    }

                let words =
                    "libtorch is wrong here: gradients of model M off its own double by 0.43, ours by 1.4E-07; case 2; P"

                Expect.equal (string wrong) words "the words"
            }
        ]
