module Hybrid.Tests.Data.TsvPairsTests

open System
open System.IO
open System.Text
open Expecto
open Hybrid.Data
open Hybrid.Files
open Hybrid.Tensors
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files

let private utf8 (text: string) = Encoding.UTF8.GetBytes text

let private read path = TsvPairs.Read path |> Array.map (fun struct (left, right) -> left, right)

let private expectPairs expected bytes = withBytes bytes (fun path -> Expect.equal (read path) expected "pairs")

let private expectRefused = refusesBytes read

let private sample = [| "hello", "HH AH L OW"; "naïve", "N AY IY V"; "日本", "x" |]

let private textOf ends pairs =
    pairs |> Array.map (fun (left, right) -> $"{left}\t{right}{ends}") |> String.concat "" |> utf8

/// Enough text that its compressed form has more than a header and a few bytes.
let private many =
    let random = RandomStream 1UL
    let word () = String(Array.init (1 + random.NextBelow 8) (fun _ -> char (97 + random.NextBelow 26)))
    Array.init 60 (fun _ -> word (), word ())

let private reading =
    testList
        "reading"
        [
            testCase "plain and gzip files of the same text give the same pairs" (fun () ->
                let bytes = textOf "\n" sample
                expectPairs sample bytes
                expectPairs sample (gzip bytes))

            testCase "a missing line end at the end of the file, and blank lines there, do not matter" (fun () ->
                expectPairs [| "a", "b"; "c", "d" |] (utf8 "a\tb\nc\td")
                expectPairs [| "a", "b" |] (utf8 "a\tb\n\n\n"))

            testCase "line ends of Windows do not become part of the text" (fun () ->
                expectPairs sample (textOf "\r\n" sample))

            testCase "a byte order mark does not become part of the text" (fun () ->
                expectPairs sample (Array.append [| 0xEFuy; 0xBBuy; 0xBFuy |] (textOf "\n" sample)))

            testCase "the lexicon that comes with the repository can be read" (fun () ->
                let pairs =
                    read (Path.Combine(Hybrid.Tests.Equations.root, "scripts", "data", "cmudict-g2p", "valid.tsv.gz"))

                Expect.equal pairs.Length 2653 "lines")
        ]

let private damage =
    testList
        "damage"
        [
            missingIsRefused read

            testCase "an empty file is refused, plain or compressed" (fun () ->
                expectRefused [ "the file is empty"; "restore it" ] [||]
                expectRefused [ "empty" ] (gzip [||]))

            testCase "a gzip file cut off anywhere is refused" (fun () ->
                let stored = gzip (textOf "\n" many)

                for length in 0 .. stored.Length - 1 do
                    expectRefused [] stored[.. length - 1]

                expectRefused [ "truncated after"; "restore the file" ] stored[.. stored.Length / 2])

            testCase
                "a gzip file with one byte changed is refused, or gives the same pairs where the byte says nothing"
                (fun () ->
                    let stored = gzip (textOf "\n" many)

                    for position in 0 .. stored.Length - 1 do
                        for flip in [ 0x01uy; 0x80uy; 0xFFuy ] do
                            let damaged = Array.copy stored
                            damaged[position] <- damaged[position] ^^^ flip

                            withBytes damaged (fun path ->
                                try
                                    Expect.equal (read path) many $"byte {position}"
                                with :? DataFileException as error ->
                                    Expect.stringContains error.Message path $"byte {position}"))

            testCase "changed data is called damaged" (fun () ->
                let stored = gzip (textOf "\n" many)
                let middle = stored.Length / 2
                stored[middle] <- stored[middle] ^^^ 0xFFuy
                expectRefused [ "gzip data"; "restore the file" ] stored)

            testCase "text that is not UTF-8 is refused, with its line" (fun () ->
                let latin = [| yield! utf8 "a\tb\nc\td\nna"; 0xEFuy; yield! utf8 "ve\tx\n" |]
                expectRefused [ "line 3"; "not UTF-8"; "convert the file" ] latin
                expectRefused [ "line 1"; "not UTF-8" ] (Encoding.Unicode.GetPreamble()))
        ]

let private lines =
    testList
        "lines"
        [
            testCase
                "a line without a tab, with two, or with nothing on one side is refused, with its number and text"
                (fun () ->
                    for line, tabs in
                        [ "no tab here", 0; "one\ttwo\tthree", 2; "\tright", 1; "left\t", 1; "", 0; "\t\t", 2 ] do
                        let fragments = [ "line 2"; $"got {tabs} tabs"; $"\"{line}\""; "correct or remove the line" ]
                        expectRefused fragments (utf8 $"a\tb\n{line}\nc\td\n"))

            testCase "a long line is shown in part" (fun () ->
                let long = String('x', 500)
                expectRefused [ "line 1"; "xxx..." ] (utf8 long))

            testCase "a file of line ends only is refused" (fun () -> expectRefused [ "line 1" ] (utf8 "\n\n"))
        ]

[<Tests>]
let tests = testList "Data.TsvPairs" [ reading; damage; lines ]
