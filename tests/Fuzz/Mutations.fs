/// Ways to damage a file.
module Hybrid.Tests.Fuzz.Mutations

open System
open System.Text

/// What parsers trip over: lengths at the edge of their types, ends of lines, quotes, half characters, magic numbers.
let private fragments: byte[] list =
    [
        for number in
            [ 0L; 1L; -1L; int64 Int32.MaxValue; int64 UInt32.MaxValue; Int64.MaxValue; Int64.MinValue; 100_000_000L ] do
            BitConverter.GetBytes number

        for text in
            [
                "\n"
                "\r\n"
                "\t"
                "\000"
                "\""
                "\\"
                "\\ud800"
                "{"
                "}"
                "["
                "]"
                ","
                ":"
                "null"
                "true"
                "1e999"
                "-1"
                "0.5"
                "99999999999999999999"
                "__metadata__"
                "\"sha256\""
                "\"F32\""
                "\"I64\""
                "[0,4]"
                "\"shape\":[4294967296,4294967296]"
                "{\"a\":"
                String('[', 300)
            ] do
            Encoding.UTF8.GetBytes text

        [| 0x1Fuy; 0x8Buy; 8uy; 0uy |]
        [| 0xFFuy; 0xFEuy |]
        [| 0xEDuy; 0xA0uy; 0x80uy |]
    ]

let private replace (file: byte[]) first count (by: byte[]) =
    let first = min first file.Length
    let count = min count (file.Length - first)
    Array.concat [ file[.. first - 1]; by; file[first + count ..] ]

/// One to four changes, each at a random place: a bit, a byte, a fragment, a piece left out, doubled or moved, an early end.
let mutate (random: Random) (seeds: byte[][]) =
    let change (file: byte[]) =
        let at = if file.Length = 0 then 0 else random.Next file.Length
        let piece = random.Next(1, 40)

        match random.Next 8 with
        | 0 when file.Length > 0 -> replace file at 1 [| file[at] ^^^ (1uy <<< random.Next 8) |]
        | 1 when file.Length > 0 -> replace file at 1 [| byte (random.Next 256) |]
        | 2 -> replace file at 0 fragments[random.Next fragments.Length]
        | 3 ->
            let fragment = fragments[random.Next fragments.Length]
            replace file at fragment.Length fragment
        | 4 -> replace file at piece [||]
        | 5 -> replace file at 0 file[at .. min (at + piece) file.Length - 1]
        | 6 ->
            let other = seeds[random.Next seeds.Length]
            let from = if other.Length = 0 then 0 else random.Next other.Length
            replace file at piece other[from .. min (from + piece) other.Length - 1]
        | _ -> file[.. at - 1]

    Seq.fold (fun file _ -> change file) (Array.copy seeds[random.Next seeds.Length]) [ 1 .. random.Next(1, 5) ]
