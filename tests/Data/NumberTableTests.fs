module Hybrid.Tests.Data.NumberTableTests

open System
open System.Globalization
open System.IO
open System.Text
open Expecto
open Hybrid.Data
open Hybrid.Files
open Hybrid.Tests.Support
open Hybrid.Tests.Checkpoints.Files

let private utf8 (text: string) = Encoding.UTF8.GetBytes text

let private read header bytes = withBytes bytes (fun path -> NumberTable.Read(path, header))

let private expectRefused (header: int) = refusesBytes (fun path -> NumberTable.Read(path, header))

let private stored name header =
    NumberTable.Read(Path.Combine(Hybrid.Tests.Equations.root, "scripts", "data", "sklearn", name), header)

let private reading =
    testList
        "reading"
        [
            propertyUpTo 12 60 "what was written is read to the bit, plain or compressed" (fun sizes ->
                let random = sizes.Random
                let number () = random.NextNormal() * Math.Pow(10.0, float (random.NextBelow 40 - 20))
                let rows = Array.init sizes.Rows (fun _ -> Array.init sizes.Columns (fun _ -> number ()))
                let header = Array.create sizes.Batch "sepal length,\"species\""

                let line (row: float[]) =
                    String.Join(",", row |> Array.map _.ToString("R", CultureInfo.InvariantCulture))

                let ends = if random.NextBelow 2 = 0 then "\n" else "\r\n"
                let file = String.Join(ends, Array.append header (Array.map line rows)) + ends |> utf8

                for bytes in [ file; gzip file ] do
                    let table = read sizes.Batch bytes
                    Expect.equal (table.Rows, table.Columns) (sizes.Rows, sizes.Columns) "extents"
                    Expect.equal table.Values (Array.concat rows) "values"
                    let row, column = random.NextBelow sizes.Rows, random.NextBelow sizes.Columns
                    Expect.equal table.[row, column] (rows[row][column]) "one of them")

            testCase "signs, exponents and blanks around a number are understood" (fun () ->
                let table = read 0 (utf8 "-1, +2.5 ,3e2\n.5,1E-3,0\n")
                Expect.equal table.Values [| -1.0; 2.5; 300.0; 0.5; 0.001; 0.0 |] "values")

            testCase "a point separates decimals, whatever the language" (fun () ->
                let before = CultureInfo.CurrentCulture

                try
                    let german = CultureInfo("", false)
                    german.NumberFormat.NumberDecimalSeparator <- ","
                    german.NumberFormat.NumberGroupSeparator <- "."
                    CultureInfo.CurrentCulture <- german
                    Expect.equal (read 0 (utf8 "1.5,2.25\n")).Values [| 1.5; 2.25 |] "values"
                finally
                    CultureInfo.CurrentCulture <- before)

            testCase "the digits that come with the repository" (fun () ->
                let digits = stored "digits.csv.gz" 0
                Expect.equal (digits.Rows, digits.Columns) (1797, 65) "8x8 pixels and a label"
                let top = [| 0.0; 0.0; 5.0; 13.0; 9.0; 1.0; 0.0; 0.0 |]
                Expect.equal digits.Values[..7] top "the upper edge of the first"
                Expect.equal [ for row in 0..9 -> digits[row, 64] ] [ for digit in 0..9 -> float digit ] "labels"
                Expect.equal (Array.max digits.Values) 16.0 "ink")

            testCase "the flowers that come with the repository" (fun () ->
                let iris = stored "iris.csv.gz" 1
                Expect.equal (iris.Rows, iris.Columns) (150, 5) "four lengths and a label"
                Expect.equal iris.Values[..4] [| 5.1; 3.5; 1.4; 0.2; 0.0 |] "the first"
                let counts = [ for row in 0..149 -> iris[row, 4] ] |> List.countBy id
                Expect.equal counts [ 0.0, 50; 1.0, 50; 2.0, 50 ] "of each species")
        ]

let private refusals =
    testList
        "refusals"
        [
            testCase "a field that is no finite number is refused, with line, place and text" (fun () ->
                for field in [ "x"; ""; "1.5.2"; "1_000"; "0x10"; "NaN"; "Infinity"; "-∞"; "1e999"; "1;2" ] do
                    let fragments = [ "line 3"; "field 2"; $"\"{field}\""; "a finite number"; "correct or remove" ]
                    expectRefused 1 fragments (utf8 $"a,b,c\n1,2,3\n4,{field},6\n"))

            testCase "a row of another width than the first is refused, with both" (fun () ->
                expectRefused 0 [ "line 2"; "2 fields, expected 3"; "correct or remove" ] (utf8 "1,2,3\n4,5\n6,7,8\n")
                expectRefused 0 [ "line 3"; "4 fields, expected 3" ] (utf8 "1,2,3\n4,5,6\n7,8,9,10\n"))

            testCase "a blank line between rows is refused" (fun () ->
                expectRefused 0 [ "line 2"; "field 1 is \"\"" ] (utf8 "1\n\n2\n"))

            testCase "a header that is not skipped is refused, and so is one that leaves no row" (fun () ->
                expectRefused 0 [ "line 1"; "\"width\"" ] (utf8 "width,height\n1,2\n")
                let fragments = [ "1 lines, of which 1 are header"; "no row of numbers"; "skip fewer lines" ]
                expectRefused 1 fragments (utf8 "width,height\n")
                expectRefused 9 [ "2 lines, of which 9 are header" ] (utf8 "1\n2\n")
                refusesRange [ "headerLines" ] (fun () -> read -1 (utf8 "1\n")))

            testCase "a long field is shown in part" (fun () ->
                expectRefused 0 [ "line 1"; "xxx...\"" ] (utf8 (String('x', 500))))

            testCase "files that are missing, empty, truncated or no text are refused as every text is" (fun () ->
                refuses<DataFileException, _> [ "missing.csv"; "cannot be read"; "correct the path" ] (fun () ->
                    NumberTable.Read("missing.csv", 0))

                expectRefused 0 [ "the file is empty"; "restore it" ] [||]
                expectRefused 0 [ "truncated"; "restore the file" ] (Array.truncate 15 (gzip (utf8 "1,2\n")))
                expectRefused 0 [ "line 2"; "not UTF-8"; "convert the file" ] [| 49uy; 10uy; 0xFFuy |])

            testCase "one wide row and many narrow ones take memory by the file's size, not by their product" (fun () ->
                let file = utf8 (String.replicate 9_999 "1," + "1\n" + String.replicate 10_000 "1\n")

                withBytes file (fun path ->
                    let before = GC.GetAllocatedBytesForCurrentThread()
                    refuses<DataFileException, _> [ "line 2" ] (fun () -> NumberTable.Read(path, 0))
                    let allocated = GC.GetAllocatedBytesForCurrentThread() - before
                    Expect.isLessThan allocated (100L * int64 file.Length) "bytes"))

            testCase "a place outside the table is refused" (fun () ->
                let table = read 0 (utf8 "1,2,3\n4,5,6\n")

                for row, column in [ 2, 0; -1, 0; 0, 3; 0, -1 ] do
                    let name = if column = 0 then "row" else "column"
                    refusesRange [ name ] (fun () -> table[row, column]))
        ]

[<Tests>]
let tests = testList "Data.NumberTable" [ reading; refusals ]
