module Hybrid.Tests.Data.ParallelTextTests

open System.IO
open System.Text
open Expecto
open Hybrid.Data
open Hybrid.Files
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Support

/// What is read from two files with these bytes.
let private read (left: byte[]) (right: byte[]) =
    Files.withFolder (fun folder ->
        let leftPath, rightPath = Path.Combine(folder, "train.de"), Path.Combine(folder, "train.en")
        File.WriteAllBytes(leftPath, left)
        File.WriteAllBytes(rightPath, right)
        ParallelText.Read(leftPath, rightPath) |> Array.map (fun struct (left, right) -> left, right))

let private text (lines: string) = Encoding.UTF8.GetBytes lines

[<Tests>]
let tests =
    testList
        "Data.ParallelText"
        [
            testCase "line i belongs to line i, plain or compressed, whatever ends the lines" (fun () ->
                let expected = [| "Guten Tag.", "Good day."; "Straße\t5", "5 street" |]
                let german, english = text "Guten Tag.\nStraße\t5\n", text "\uFEFFGood day.\r\n5 street"
                Expect.equal (read german english) expected "plain"
                Expect.equal (read (Files.gzip german) english) expected "one compressed")

            testCase "a line that is blank on one side is left out, and moves no other" (fun () ->
                Expect.equal (read (text "a\n\nc\nd\n") (text "A\nB\n \nD\n")) [| "a", "A"; "d", "D" |] "pairs")

            testCase "a single pair is enough" (fun () ->
                Expect.equal (read (text "a") (text "A")) [| "a", "A" |] "pair")

            testCase "files of different length, without a pair, or missing are refused by name" (fun () ->
                refuses<DataFileException, _> [ "train.de has 2 lines"; "train.en has 3" ] (fun () ->
                    read (text "a\nb\n") (text "A\nB\nC\n"))

                refuses<DataFileException, _> [ "train.de"; "train.en"; "no line has text on both sides" ] (fun () ->
                    read (text "a\n \n") (text "\nB\n"))

                refuses<DataFileException, _> [ "train.en"; "empty" ] (fun () -> read (text "a") [||])

                refuses<DataFileException, _> [ "missing.de" ] (fun () ->
                    ParallelText.Read("missing.de", "missing.en")))
        ]
