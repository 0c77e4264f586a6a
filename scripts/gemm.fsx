(**
---
title: Anatomy of High-Performance Matrix Multiplication
category: Papers
categoryindex: 2
index: 7
description: One product, from three naive loops to the kernel that trains every model here, each step timed against the peak of your processor.
year: 2008
keywords: matrix multiplication, caches, TLB, packing, register tile, SIMD, roofline, rounding error
time: at most 2 minutes
---
# Anatomy of High-Performance Matrix Multiplication

Kazushige Goto, Robert A. van de Geijn. ACM Transactions on Mathematical Software 34(3), article 12, 2008.
[doi:10.1145/1356052.1356053](https://doi.org/10.1145/1356052.1356053)

    [lang=text]
    @article{goto2008anatomy,
      title   = {Anatomy of High-Performance Matrix Multiplication},
      author  = {Goto, Kazushige and van de Geijn, Robert A.},
      journal = {ACM Transactions on Mathematical Software},
      volume  = {34},
      number  = {3},
      pages   = {12:1--12:25},
      year    = {2008}
    }

- **What you need**: the matrix product, and a rough idea of what a cache is. No other page comes before this one; the
  [Transformer's page](transformer.html) shows where the products come from. [How to read a page](how-to-read-a-page.html) and
  [the notation](notation.html) help.
- **Time**: at most 2 minutes on two cores (30 seconds with `-- --quick`, about 5 minutes with `-- --full`); 1 GB of memory; no
  graphics card, no network. Close what else is running: this page measures your processor.
- **Covers** sections 2 to 6 of the paper, for one kernel on one machine: yours.

## The paper in one paragraph

A processor multiplies and adds far faster than its memory delivers numbers. The matrix product is the one operation of linear
algebra that can live with that: it does $2n^3$ operations on $3n^2$ numbers, so each number can be used $n$ times once it is
there. Three loops do not use it $n$ times, and run at a hundredth of the machine's peak or less. The paper cuts the product
into pieces, one size for each level of the memory: a tile of $C$ stays in the registers, a panel of $B$ in the first cache, a
block of $A$ in the second. It shows how the sizes of the pieces follow from the sizes of the caches and of the translation lookaside
buffer (TLB), and copies the pieces to where they lie contiguous. What is left for assembly code is one small loop. The resulting library, GotoBLAS, ran near the
peak of every processor of its time, and almost every fast product since is built this way, the one in our C# core too.

## The idea, on numbers you can follow

The product of two matrices is a sum: column $p$ of $A$ times row $p$ of $B$, over all $p$. So it may be cut anywhere along $p$, and
the parts added up.
*)
#nowarn "9" // pointers

#load "ensure.fsx"
#load "prelude.fsx"

open System
open System.Diagnostics
open System.IO
open System.Reflection
open System.Runtime
open System.Runtime.InteropServices
open System.Runtime.Intrinsics
open System.Threading
open FSharp.NativeInterop
open Hybrid.Autodiff
open Hybrid.Checks
open Hybrid.Kernels
open Hybrid.Memory
open Hybrid.Rules
open Hybrid.Scripts
open Hybrid.Tensors
open MathNet.Numerics.LinearAlgebra
open Plotly.NET

(*** hide ***)
let page = Page.start "gemm" [ Extra.Full ]

(**
*)
let smallA = matrix [ [ 1.0; 2.0; 3.0 ]; [ 4.0; 5.0; 6.0 ] ]
let smallB = matrix [ [ 1.0; 0.0 ]; [ 0.0; 1.0 ]; [ 2.0; 2.0 ] ]

let columnTimesRow p = smallA.Column(p).OuterProduct(smallB.Row p)

printfn "the product:\n%s" ((smallA * smallB).ToMatrixString())
printfn "its parts 0 and 1:\n%s" ((columnTimesRow 0 + columnTimesRow 1).ToMatrixString())
printfn "its part 2:\n%s" ((columnTimesRow 2).ToMatrixString())
(*** include-output ***)
(**
Each part updates all of $C$. Take a *tile* of $C$, $r$ rows by $r$ columns, and keep it in registers. One step in $p$ reads $r$
numbers of $A$ and $r$ of $B$, and does $r^2$ multiply-adds with them. The larger the tile, the fewer reads for each:
*)
table
    [
        "tile"
        "numbers read in a step"
        "multiply-adds in a step"
        "reads for a multiply-add"
    ]
    [
        for r in [ 1; 2; 4; 8; 16 ] ->
            [ $"{r} x {r}"; $"{2 * r}"; $"{r * r}"; $"%g{float (2 * r) / float (r * r)}" ]
    ]
(*** include-it-raw ***)
(**
That is the whole idea. The three loops that everybody writes first are the tile of one by one: two reads for each
multiply-add. The same trade, more memory held for fewer reads, is made again between the first and the second cache, and
once more between the second and all that lies beyond.

## Claims, written down before the run

The paper compares libraries by plots of GFLOPS, $10^9$ operations a second, against the peak. We do the same, and add claims on
the single steps, which the paper argues for and does not measure one at a time. Times depend on your machine and on what else
it does: every claim takes the best of several runs, and one that fails is shown as failed.
*)
let n = page.Pick(quick = 512, standard = 1024, full = 2048)
let largeN = 2 * n

let loopOrder =
    claim
        {
            Text = "Loops that walk along rows beat loops that walk down columns."
            Paper = "no figure; the paper takes contiguous access for granted"
            Measure = $"speed of the order ikj over that of ijk, {n} x {n} x {n}, one core"
            Threshold = "reproduced from 3 on, partly from 1.5"
            Verdict = atLeast 3.0 1.5
        }

let registers =
    claim
        {
            Text = "A tile of C that stays in registers beats vectors alone."
            Paper = "section 6, no figure"
            Measure =
                $"speed of the register tile over that of vectors, {n} x {n} x {n}, one core"
            Threshold = "reproduced from 2 on, partly from 1.3"
            Verdict = atLeast 2.0 1.3
        }

let blocks =
    claim
        {
            Text = "Blocks that fit into the caches pay for large matrices."
            Paper = "section 4, no figure"
            Measure =
                $"speed with blocks over that without, both packed, {largeN} x {largeN} x {largeN}, one core"
            Threshold = "reproduced from 1.1 on, partly from 1.02"
            Verdict = atLeast 1.1 1.02
        }

let packing =
    claim
        {
            Text = "Copying the pieces to contiguous memory pays for itself."
            Paper = "section 4, no figure"
            Measure =
                $"speed with packing over that without, blocks alike, leading dimension {n}, one core"
            Threshold = "reproduced from 1.2 on, partly from 1.05"
            Verdict = atLeast 1.2 1.05
        }

let halfOfL1 =
    claim
        {
            Text = "A panel of B that takes half of the first cache is a good one."
            Paper = "section 6: kc x nr numbers in less than half of L1"
            Measure = "speed at that kc over the best of a sweep over kc"
            Threshold = "reproduced from 0.95 on, partly from 0.90"
            Verdict = atLeast 0.95 0.90
        }

let nearPeak =
    claim
        {
            Text = "The product runs near the peak of the processor."
            Paper = "“near-peak performance” on a range of processors (abstract, section 7)"
            Measure = $"share of one core's measured peak, {n} x {n} x {n}, float32"
            Threshold = "reproduced from 0.80 on, partly from 0.65"
            Verdict = atLeast 0.80 0.65
        }

let allCores =
    claim
        {
            Text =
                "Cores that each take a part of C and pack for themselves hardly disturb each other."
            Paper = "not in the paper, which keeps to one core"
            Measure =
                $"gain of all cores over one, divided by the same gain of a loop without memory, {n} x {n} x {n}"
            Threshold = "reproduced from 0.85 on (1.7 times one core on two), partly from 0.70"
            Verdict = atLeast 0.85 0.70
        }
(*** include-output ***)
(**
## Derivation

$A$ is $[m, k]$, $B$ is $[k, n]$, $C$ is $[m, n]$, all in row-major order: the elements of a row lie side by side, and from one row
to the next it is $ld$ elements, the *leading dimension*. The product adds to $C$:

$$ C_{ij} \leftarrow C_{ij} + \sum_{p=1}^{k} A_{ip} B_{pj} $$

That is $mnk$ multiply-adds, $2mnk$ operations (called flops), on $mk + kn + mn$ numbers.

### Cutting the product

Cut $k$ into pieces of $k_c$. $A$ falls into *panels* of columns, $B$ into panels of rows, and the product into a sum of products of
panels, which the paper calls GEPP (general panel times panel):

$$ C = \sum_{s} A_s B_s, \qquad A_s\ [m, k_c],\quad B_s\ [k_c, n] \tag{1} $$

Cut the panel $A_s$ into *blocks* of $m_c$ rows. Each gives some rows of $C$ by itself, a product of block and panel, GEBP:

$$ C_i \leftarrow C_i + A_{is} B_s, \qquad A_{is}\ [m_c, k_c],\quad C_i\ [m_c, n] \tag{2} $$

Cut $B_s$ and $C_i$ into *slivers* of $n_r$ columns:

$$ C_{ij} \leftarrow C_{ij} + A_{is} B_{sj}, \qquad B_{sj}\ [k_c, n_r],\quad C_{ij}\ [m_c, n_r] \tag{3} $$

The same could be cut in other orders: a panel of $B$'s columns first (GEPM, then GEPB), or a short tile of $C$ with all
of $k$ (GEPDOT). Figure 4 of the paper draws all of them as a tree. Which one is best is a question of what stays in which cache.

### What GEBP costs

Let the block $A_{is}$ lie in a fast memory, and $B$ and $C$ in a slow one. Then (2) moves $m_c k_c$ numbers of $A$ once, $k_c n$ of $B$, and
$m_c n$ of $C$ twice, there and back, for $2 m_c k_c n$ flops:

$$ \frac{\text{flops}}{\text{numbers moved}} = \frac{2\,m_c k_c n}{m_c k_c + (k_c + 2 m_c)\,n} \;\longrightarrow\; \frac{2\,m_c k_c}{k_c + 2 m_c} \tag{4} $$

as $n$ grows.

The fast memory holds $S = m_c k_c$ numbers. With $k_c = S / m_c$ the ratio (4) is $2S / (S/m_c + 2m_c)$, and the denominator is least where its
two terms are equal: $S / m_c = 2 m_c$, that is

$$ k_c = 2\,m_c, \qquad \frac{\text{flops}}{\text{numbers moved}} = \frac{2S}{4 m_c} = \sqrt{S/2} \tag{5} $$

So the block should be about square, and as large as possible: the ratio grows with the root of the memory. That speaks for
putting $A_{is}$ into the largest cache. It also shows why GEBP is the piece to build on: with the roles exchanged, GEPDOT holds a block
of $C$, and what is held is then read *and* written in every step of the innermost loop.

### Which cache holds what

Look at (3), one sliver. Its $B_{sj}$ is used for every row of the block, $m_c$ times, so it should lie closest, in L1. The block
$A_{is}$ is used once for each sliver, $n / n_r$ times: it may lie in L2, if L2 delivers it fast enough. A sliver does $2 m_c k_c n_r$ flops on the
$m_c k_c$ numbers of the block. At $R_{comp}$ flops and $R_{load}$ numbers from L2 in a cycle, the loads hide behind the arithmetic if
$m_c k_c / R_{load} \le 2 m_c k_c n_r / R_{comp}$:

$$ n_r \ge \frac{R_{comp}}{2 R_{load}} \tag{6} $$

A processor with two 16-wide fused multiply-adds a cycle has $R_{comp} = 64$. If its L2 delivers 16 numbers a cycle, $n_r = 2$ would
do. The inequality is easily met, so $A_{is}$ can live in the second cache, which is large, and the first is free for $B_{sj}$.

### The tile in the registers

$m_r \times n_r$ numbers of $C$ stay in registers while $p$ runs over $k_c$. Each step reads $m_r$ numbers of $A$ and $n_r$ of $B$ from a cache and does
$2 m_r n_r$ flops; at the end the tile is added to $C$.

$$ \frac{\text{flops}}{\text{numbers read}} = \frac{2\,m_r n_r k_c}{(m_r + n_r)\,k_c + 2\,m_r n_r} \;\approx\; \frac{2\,m_r n_r}{m_r + n_r} \tag{7} $$

For a given number of registers this is best for $m_r = n_r$, by the argument that led to (5). Vectors change the count. Let $w$
be the width of a vector, and $n_r = v w$. A step then loads $v$ vectors of $B$, and $m_r$ numbers of $A$, each of them
copied to all lanes of a vector by the load; it does $m_r v$ vector multiply-adds. Registers hold $m_r v$ vectors of $C$, $v$ of $B$ and
one of $A$. With $R$ registers and as many loads in a cycle as multiply-adds (two of each, on most processors since 2013):

$$ m_r v + v + 1 \le R, \qquad m_r + v \le m_r v \tag{8} $$

One more condition comes from time. A multiply-add takes $t$ cycles until its result can be used, and two can start in a cycle; so at
least $2t$ of them must be independent, and there must be as many accumulators: $m_r v \ge 2t$, with $t = 4$ on
most processors. A single running sum reaches an eighth of the peak, however close its data.

### The TLB, and why the pieces are copied

Programs see virtual addresses. The processor translates them page by page (4096 bytes), and remembers some recent
translations in the TLB. The paper's main point is here: a cache miss can be hidden by fetching early, a TLB miss
stopped the processors of 2008 until the translation was there. A sliver of $k_c$ rows with a leading dimension of 1024
numbers or more touches $k_c$ pages, one for each row, although it holds only a few dozen kilobytes. Copied into a contiguous buffer it
touches $4 k_c n_r / 4096$ of them.

A second reason is as strong today. A cache is divided into sets, and the address chooses the set. If rows lie a power of two
apart, many of them fall into the same few sets and evict each other, however empty the rest of the cache is. Copies have no such neighbours.

The copy is cheap: packing $A$ and $B$ moves $mk + kn$ numbers for $2mnk$ flops, and each copied number is used hundreds of
times.

### Sizes

The paper's rules, in the order in which they are applied (section 6): the tile from the registers (8); $k_c$ as large as possible, so that the tile is
rarely added to $C$, while the sliver $B_{sj}$ takes less than half of L1 (the other half serves what streams past: $A$ and $C$); $m_c$ as large as
possible, while the block takes about half of L2 and half of what the TLB can address.

Here are our sizes in this machine. The constants are read from the core's assembly, the caches from the operating system.
*)
/// Bytes of a core's data cache at a level, where the system tells; else a common size.
let cacheBytes level common =
    let folder = "/sys/devices/system/cpu/cpu0/cache"
    let read (cache: string) file = File.ReadAllText(Path.Combine(cache, file)).Trim()

    try
        Directory.GetDirectories(folder, "index*")
        |> Array.find (fun cache ->
            read cache "level" = string<int> level && read cache "type" <> "Instruction")
        |> fun cache -> 1024 * int ((read cache "size").TrimEnd 'K')
    with _ ->
        common

let l1, l2, l3 =
    cacheBytes 1 (32 * 1024), cacheBytes 2 (512 * 1024), cacheBytes 3 (16 * 1024 * 1024)

let kernelType name = typeof<Tensor<float32>>.Assembly.GetType($"Hybrid.Kernels.{name}", true)

let constantOf name : int =
    let hidden = BindingFlags.Static ||| BindingFlags.NonPublic
    (kernelType "Product`1").GetField(name, hidden).GetRawConstantValue() |> unbox

/// Lanes of the widest vectors that this processor has.
let lanes =
    if Vector512.IsHardwareAccelerated then 16
    elif Vector256.IsHardwareAccelerated then 8
    else 4

let tileRows: int =
    let lanesType = (kernelType $"Lanes{32 * lanes}`1").MakeGenericType(typeof<float32>)
    lanesType.GetProperty("TileRows").GetValue null |> unbox

let kc, mc, nc =
    constantOf "InnerBlock", constantOf "TilesPerBlock" * tileRows, constantOf "ColumnBlock"

let nr = 2 * lanes
let kilobytes bytes = $"{bytes / 1024} KB"
let pagesOf bytes = (bytes + 4095) / 4096

/// The first cache, from that level on, with room for so many bytes.
let waitsIn level bytes =
    [ "L1", l1; "L2", l2; "L3", l3 ]
    |> List.skip (level - 1)
    |> List.tryFind (fun (_, size) -> bytes <= size)
    |> function
        | Some(cache, size) -> $"{cache}, {kilobytes size}"
        | None -> "memory"

let caption =
    $"{Instructions.Path} vectors of {lanes} numbers; {Workers.Count} threads; L1 {kilobytes l1}, L2 {kilobytes l2}, L3 {kilobytes l3}"

printfn $"{caption}"

table
    [
        "piece"
        "shape"
        "size"
        "waits in"
        "pages, packed"
        $"pages, if not (ld {nc} or more)"
    ]
    [
        [ "tile of C"; $"{tileRows} x {nr}"; $"{tileRows * 2} vectors"; "registers"; ""; "" ]
        for piece, rows, columns, level in
            [ "sliver of B", kc, nr, 1; "block of A", mc, kc, 2; "panel of B", kc, nc, 3 ] do
            let bytes = 4 * rows * columns

            [
                piece
                $"{rows} x {columns}"
                kilobytes bytes
                waitsIn level bytes
                $"{pagesOf bytes}"
                // From such a leading dimension on, each row begins a page of its own.
                $"{rows * pagesOf (4 * columns)}"
            ]
    ]
(*** include-output ***)
(*** include-it-raw ***)
(**
The core has one $k_c$ for vectors of all widths. With wide ones the sliver takes more than the half of L1 that the rule gives it. Where it takes
more than all of L1, it comes from L2, and that costs little: it is read in order, so it is fetched ahead, and each of its vectors serves all rows
of a tile, so L2 has time to deliver the next. In return the tile is added to $C$ less often. The [sweep over kc](#fig-break-it) below
shows what both are worth on your machine.

### Backward: why three products are needed

$C = AB$, and $dC$ is the cotangent of $C$: the gradient of the final scalar with respect to it, with $C$'s shape. Wanted are $dA$
and $dB$.

$$ C = A B \tag{MM-1} $$

A small change gives $\delta C = \delta A\,B + A\,\delta B$. The scalar changes by $\langle dC, \delta C\rangle = \operatorname{tr}(dC^\top \delta C)$. The
trace of a product stays the same when its factors are rotated, so for the first part
$\operatorname{tr}(dC^\top \delta A\, B) = \operatorname{tr}(B\,dC^\top\,\delta A) = \operatorname{tr}((dC\,B^\top)^\top \delta A) = \langle dC\,B^\top, \delta A\rangle$. What stands
beside $\delta A$ is its gradient:

$$ dA = dC\,B^\top, \qquad [m, n]\,[n, k] \to [m, k] \tag{MM-2} $$

For the second, $\operatorname{tr}(dC^\top A\,\delta B) = \operatorname{tr}((A^\top dC)^\top \delta B)$:

$$ dB = A^\top dC, \qquad [k, m]\,[m, n] \to [k, n] \tag{MM-3} $$

The gradient of a product is two products of the same size: training costs three times what prediction costs. They come in two
new forms, one with the second factor transposed, one with the first. Nobody wants to transpose a matrix in memory before each
product, so a library offers NN, NT and TN. It needs no second kernel for them: packing copies anyway, and can just as well copy
rows to columns.

## Longhand

In F# with MathNet.Numerics, a line for each equation: the cut along $k$ (1), into blocks of rows (2) and slivers of columns (3), and
the pullback.
*)
let cuts size length =
    [ for first in 0..size .. length - 1 -> first, min size (length - first) ]

/// A B from pieces of at most mc x kc of A and kc x nr of B.
let longhandBlocked (mc, kc, nr) (a: Matrix<float>) (b: Matrix<float>) =
    let c = Matrix<float>.Build.Dense(a.RowCount, b.ColumnCount)

    for p, steps in cuts kc a.ColumnCount do // (1)
        for i, rows in cuts mc a.RowCount do // (2)
            let block = a.SubMatrix(i, rows, p, steps)

            for j, columns in cuts nr b.ColumnCount do // (3)
                let sliver = b.SubMatrix(p, steps, j, columns)
                let sum = c.SubMatrix(i, rows, j, columns) + block * sliver
                c.SetSubMatrix(i, j, sum)

    c

/// The product and its pullback.
let longhandProduct (a: Matrix<float>) (b: Matrix<float>) =
    let c = a * b // MM-1

    let back (dc: Matrix<float>) =
        let da = dc * b.Transpose() // MM-2
        let db = a.Transpose() * dc // MM-3
        da, db

    c, back

(**
## The code

This is what every layer of every model here runs through. `Run` makes the three cuts, and one more: it takes at most 1024
columns of $B$ at a time, so that the packed panel stays in the last cache that the core has for itself or shares with few. `p`, then
`j`, then `tile` (rows), then `k` (slivers), then `t` (tiles): the paper's GEPP, GEBP and sliver, in the paper's order.
*)
(*** hide ***)
csharp "Kernels/Products/Product.cs" "Run"
(*** include-it-raw ***)
(**
The tile. `aRow` and `aStep` say how to walk through $A$, so that one text serves $A$ as it lies, packed, and transposed. The rows
beyond `TRows` vanish when the JIT compiles it: one text serves 14 heights and 2 widths. The last vector of each row is read and written under a
mask, so no matrix needs padding. (A prefetch asks for $C$ at the start, which is needed at the end.)
*)
(*** hide ***)
csharp "Kernels/Products/Tile.cs" "Tile"
(*** include-it-raw ***)
(**
Packing. Rows of $B$ are copied to slivers; for NT, whose $B$ lies by columns, squares are transposed in registers. Blocks of $A$ are
copied row by row.
*)
(*** hide ***)
csharp "Kernels/Products/Packing.cs" "B"
(*** include-it-raw ***)
(*** hide ***)
csharp "Kernels/Products/Packing.cs" "A"
(*** include-it-raw ***)
(**
All cores: each takes some rows or some columns of $C$, and runs the whole product on its part, with buffers of its own.
*)
(*** hide ***)
csharp "Kernels/Products/GemmJob.cs" "Run"
(*** include-it-raw ***)
(**
And the rule of the autodiff, whose value is NN and whose pullback is NT and TN:
*)
(*** hide ***)
csharp "Rules/Elementary/MatMul.cs" "Forward"
(*** include-it-raw ***)
(**
## Agreement

In double precision, on matrices of random numbers: the blocked longhand against the plain product, both against the core, and the
derived gradient against central differences, every element, along a random cotangent.
*)
let random = RandomStream(page.Seed).Split "agreement"

let normalMatrix rows columns =
    Matrix<float>.Build.Dense(rows, columns, (fun _ _ -> random.NextNormal()))

let a, b, dc = normalMatrix 7 11, normalMatrix 11 5, normalMatrix 7 5
let c, back = longhandProduct a b
let da, db = back dc

check
    "longhand: product of blocks = product"
    ((longhandBlocked (3, 4, 2) a b - c).PointwiseAbs().Enumerate() |> Seq.max)
    1e-12

let tape = Tape<float>()
let inputs = [| Tensor.ofMatrix a; Tensor.ofMatrix b |]
let variables = inputs |> Array.map tape.Input
let product = variables[0].MatMul variables[1]
tape.Backward(product, Tensor.ofMatrix dc)

agree "C" c product.Value
agree "dA" da variables[0].Gradient
agree "dB" db variables[1].Gradient

for error in GradCheck.Run((fun _ x -> x[0].MatMul x[1]), inputs, [||], random) do
    check $"derived = differences, {error.Name}" error.Error 1e-6
(*** include-output ***)
(**
And PyTorch's engine, given the same numbers: the largest relative differences that `dotnet fsi tests/Parity/run.fsx` found when it was last run.
*)
parity [ "MatMul"; "Linear"; "Linear.ForwardTransposed" ]
(*** include-it-raw ***)
(**
## Numerical stability

### What a sum of n products loses

A float32 has 24 significant bits; an operation rounds with a relative error of at most $u = 2^{-24} \approx 6 \cdot 10^{-8}$. Add $n$ products one after the other. The
first goes through all $n$ roundings, so the error of the sum is at most

$$ |\hat s - s| \le \gamma_n \sum_p |a_p b_p|, \qquad \gamma_n = \frac{n u}{1 - n u} \tag{9} $$

whatever the order, with or without fused multiply-add. For a matrix product, $|\hat C - C| \le \gamma_k |A||B|$, element by element. This is the
bound that each kernel on this page is checked against below.

The order matters for what really happens. Cut the sum into blocks of $k_c$, sum each, then add the $n / k_c$ results: no term goes
through more than $k_c + n / k_c$ roundings, and $u(k_c + n/k_c)$ takes the place of $nu$. The cut that serves the caches also makes the sum more
accurate. Pairwise summation, halves of halves, comes to $u \log_2 n$.

We sum products of random numbers from [0, 1), where nothing cancels and the errors add up, in five ways, and compare with a sum in double. The
product of two float32 is exact in double.
*)
let unitRoundoff = Math.Pow(2.0, -24.0)

/// γ_n of equation 9, for n roundings.
let gamma (roundings: float) = roundings * unitRoundoff / (1.0 - roundings * unitRoundoff)

let sumNaive (x: float32[]) (y: float32[]) =
    let mutable sum = 0.0f

    for i in 0 .. x.Length - 1 do
        sum <- sum + x[i] * y[i]

    sum

let sumFused (x: float32[]) (y: float32[]) =
    let mutable sum = 0.0f

    for i in 0 .. x.Length - 1 do
        sum <- MathF.FusedMultiplyAdd(x[i], y[i], sum)

    sum

/// A product of a row and a column: the core sums within blocks of the inner dimension.
let sumCore (x: float32[]) (y: float32[]) =
    let result = Array.zeroCreate<float32> 1

    Gemm.NN<float32>(
        1,
        1,
        x.Length,
        ReadOnlySpan x,
        x.Length,
        ReadOnlySpan y,
        1,
        Span result,
        1,
        false
    )

    result[0]

let rec sumPairwise first count (x: float32[]) (y: float32[]) : float32 =
    if count = 1 then
        x[first] * y[first]
    else
        let half = count / 2
        sumPairwise first half x y + sumPairwise (first + half) (count - half) x y

let sumDouble (x: float32[]) (y: float32[]) =
    let mutable sum = 0.0

    for i in 0 .. x.Length - 1 do
        sum <- sum + float x[i] * float y[i]

    sum

let ways =
    [
        "one after the other", sumNaive, float
        "the same, fused", sumFused, float
        $"core, blocks of {kc}",
        sumCore,
        (fun n -> float (min n kc) + Math.Ceiling(float n / float kc))
        "pairwise",
        (fun x y -> sumPairwise 0 x.Length x y),
        (fun n -> 1.0 + Math.Ceiling(Math.Log2(float n)))
        "in double, rounded once", (fun x y -> float32 (sumDouble x y)), (fun _ -> 1.0)
    ]

let lengths = [ for power in 4..2 .. page.Pick(quick = 16, standard = 22) -> 1 <<< power ]
let sumSeeds = [ for i in 0UL .. 4UL -> page.Seed + i ]

/// Relative error of every way, for one length and one seed.
let sumErrors length seed =
    let stream = RandomStream(seed).Split $"sum {length}"
    let draw () = Array.init length (fun _ -> float32 (stream.NextUniform()))
    let x, y = draw (), draw ()
    let truth = sumDouble x y
    [ for _, sum, _ in ways -> abs (float (sum x y) - truth) / truth ]

/// For each length, the worst error of each way over the seeds.
let worstErrors: float list list =
    [
        for length in lengths ->
            sumSeeds
            |> List.map (sumErrors length)
            |> List.reduce (List.map2 (fun (x: float) y -> max x y))
    ]

check
    "sums: worst error over its bound, all ways, lengths and seeds"
    (List.max
        [
            for length, errors in List.zip lengths worstErrors do
                for (_, _, roundings), error in List.zip ways errors ->
                    error / gamma (roundings length)
        ])
    1.0
(*** include-output ***)
[
    for i, ((name, _, _), colour) in
        List.indexed (
            List.zip
                ways
                [ Palette.red; Palette.orange; Palette.blue; Palette.green; Palette.grey ]
        ) do
        yield
            Chart.Line(
                x = lengths,
                // A logarithmic axis cannot show 0.
                y = [ for errors in worstErrors -> max 1e-9 errors[i] ],
                Name = name,
                LineColor = colour,
                ShowMarkers = true
            )

    yield
        Chart.Line(
            x = lengths,
            y = [ for length in lengths -> gamma (float length) ],
            Name = "bound γₙ",
            LineColor = Palette.red,
            LineDash = StyleParam.DrawingStyle.Dash
        )
]
|> Chart.combine
|> Chart.withXAxisStyle (
    TitleText = "length of the sum, terms",
    AxisType = StyleParam.AxisType.Log
)
|> Chart.withYAxis (
    LayoutObjects.LinearAxis.init (
        Title = Title.init "relative error",
        AxisType = StyleParam.AxisType.Log,
        ExponentFormat = StyleParam.ExponentFormat.Power
    )
)
|> figure
    "sums"
    "Worst relative error of a float32 sum of products over five seeds, by length. One after the other grows with the length; blocks and pairs hardly grow. An error of 0 is drawn at 1e-9."
(*** include-it-raw ***)
(**
### Where it fails

A sum of ones shows the end of it. At $2^{24}$ a float32 cannot be told from its successor by adding 1: the sum one after the other
stops there for good. The blocks of the core never come near. In float64 the same happens at $2^{53}$, out of reach of any memory.

The second table multiplies $[s, s]$ by $[s, s]^\top$ over a sweep of magnitudes. No order of summation helps where one product leaves the range.
*)
let onesSum length =
    let ones = Array.create length 1.0f
    [ float (sumNaive ones ones); float (sumFused ones ones); float (sumCore ones ones) ]

let onesLengths = [ for more in [ -1; 0; 1; 1 <<< 20 ] -> (1 <<< 24) + more ]
let onesSums = [ for length in onesLengths -> length, onesSum length ]

table
    [ "ones to add"; "one after the other"; "the same, fused"; "core" ]
    [
        for length, sums in onesSums ->
            string<int> length :: [ for sum in sums -> $"%.0f{sum}" ]
    ]
(*** include-it-raw ***)
let firstWrong =
    onesSums
    |> List.tryPick (fun (length, sums) ->
        if sums[0] <> float length then Some length else None)

printfn "first failing length, one after the other: %A" (Option.toList firstWrong)

check
    "core: relative error of the longest sum of ones"
    (let length, sums = List.last onesSums in sums[2] / float length - 1.0)
    (gamma (float kc + float (1 <<< 24) / float kc))
(*** include-output ***)
let square32 (s: float) = float (sumCore [| float32 s; float32 s |] [| float32 s; float32 s |])

let square64 (s: float) =
    let row = Tensor<float>.From(Shape(1, 2), ReadOnlySpan [| s; s |])
    let column = Tensor<float>.From(Shape(2, 1), ReadOnlySpan [| s; s |])
    let struct (product, _) = MatMul.Forward(row, column, Arena<float>())
    product.ToScalar()

table
    [ "s"; "2 s², float32"; "2 s², float64" ]
    [
        for s in [ 1e-23; 1e-20; 1.0; 1e10; 1e19; 1e20; 1e160 ] ->
            [ $"%g{s}"; $"%g{square32 s}"; $"%g{square64 s}" ]
    ]
(*** include-it-raw ***)
(**
### Zero times infinity

IEEE 754 makes $0 \cdot \infty$ and $0 \cdot \text{NaN}$ a NaN. A product that skips the zeros of $A$ to save time, as the reference BLAS does, hides
a NaN that training ought to stop at. The core skips nothing: an infinity or a NaN in $B$ reaches every element of $C$ whose sum it is part
of. The masks matter here as well: what lies in memory behind the last column is not part of the matrix, and must not leak in.
*)
let zeroTimes (value: float32) (skipsZeros: bool) =
    let x, y = [| 0.0f; 1.0f |], [| value; 2.0f |]

    if skipsZeros then
        Array.fold2 (fun sum a b -> if a = 0.0f then sum else sum + a * b) 0.0f x y
    else
        sumCore x y

table
    [ "[0, 1] times"; "skipping zeros"; "core" ]
    [
        for value in [ 5.0f; infinityf; nanf ] ->
            [ $"[{value}, 2]"; $"{zeroTimes value true}"; $"{zeroTimes value false}" ]
    ]
(*** include-it-raw ***)
holds "core: 0 times infinity is NaN" (Single.IsNaN(zeroTimes infinityf false))

/// Ones times ones, [3, 5] and [5, 7], each row followed by NaN that belongs to nobody.
let amidNaN =
    let surrounded rows columns =
        [| for _ in 1..rows -> Array.append (Array.create columns 1.0f) (Array.create 4 nanf) |]
        |> Array.concat

    let c = Array.create (3 * 11) -1.0f

    Gemm.NN<float32>(
        3,
        7,
        5,
        ReadOnlySpan(surrounded 3 5),
        9,
        ReadOnlySpan(surrounded 5 7),
        11,
        Span c,
        11,
        false
    )

    Array.chunkBySize 11 c

holds
    "core: NaN beside the matrices stays there, and C is written up to its last column only"
    (amidNaN
     |> Array.forall (fun row ->
         Array.forall ((=) 5.0f) row[..6] && Array.forall ((=) -1.0f) row[7..]))
(*** include-output ***)
(**
## Experiment: eight steps to the shipped kernel

### Vectors of any width

The steps are F#. Like the core, they are written once over an interface of vectors. The runtime makes a copy for the vectors that your
processor has, in which each of these members is one instruction.
*)
type ILanes<'V> =
    abstract Width: int
    abstract Create: float32 -> 'V
    abstract Load: nativeptr<float32> -> 'V
    abstract Store: 'V * nativeptr<float32> -> unit
    /// x y + z, rounded once where the processor can.
    abstract MultiplyAdd: x: 'V * y: 'V * z: 'V -> 'V

[<Struct>]
type Lanes512 =
    interface ILanes<Vector512<float32>> with
        member _.Width = 16
        member _.Create value = Vector512.Create(value: float32)
        member _.Load source = Vector512.Load(source: nativeptr<float32>)
        member _.Store(value, target) = Vector512.Store(value, target)
        member _.MultiplyAdd(x, y, z) = Vector512.MultiplyAddEstimate(x, y, z)

[<Struct>]
type Lanes256 =
    interface ILanes<Vector256<float32>> with
        member _.Width = 8
        member _.Create value = Vector256.Create(value: float32)
        member _.Load source = Vector256.Load(source: nativeptr<float32>)
        member _.Store(value, target) = Vector256.Store(value, target)
        member _.MultiplyAdd(x, y, z) = Vector256.MultiplyAddEstimate(x, y, z)

[<Struct>]
type Lanes128 =
    interface ILanes<Vector128<float32>> with
        member _.Width = 4
        member _.Create value = Vector128.Create(value: float32)
        member _.Load source = Vector128.Load(source: nativeptr<float32>)
        member _.Store(value, target) = Vector128.Store(value, target)
        member _.MultiplyAdd(x, y, z) = Vector128.MultiplyAddEstimate(x, y, z)

(**
### How time is taken

.NET compiles a method quickly and badly at first, counts its calls, and compiles it well, in the background, after some thirty calls and a tenth
of a second without news. (The kernels of the core carry an attribute that asks for the good code at once; the F# compiler drops it.) So each loop
first runs on small matrices, forty times and a pause in turns, until nothing more is compiled or five seconds are over. Then the candidates take turns, three
times or more, and the best time of each counts: on a shared machine the worst and the mean tell about the neighbours.
*)
let patience = page.Pick(quick = 2.0, standard = 5.0)

let warmUp (action: unit -> unit) =
    let watch = Stopwatch.StartNew()
    let mutable known, quiet = -1L, 0

    // On a busy machine the background compiler may come late, so one quiet pause proves nothing.
    while watch.Elapsed.TotalSeconds < patience && quiet < 4 do
        for _ in 1..40 do
            action ()

        Thread.Sleep 150
        let compiled = JitInfo.GetCompiledMethodCount()
        quiet <- if compiled = known then quiet + 1 else 0
        known <- compiled

/// The best time of each action in seconds, of as many rounds as begin within the budget, and of three at least: one run alone may be a cold one.
let race (budget: float) (actions: (unit -> unit) list) : float list =
    let best = Array.create actions.Length infinity
    let watch = Stopwatch.StartNew()
    let mutable rounds = 0

    while rounds < 3 || watch.Elapsed.TotalSeconds < budget do
        rounds <- rounds + 1

        for i, action in List.indexed actions do
            best[i] <- min best[i] (snd (timed action))

    List.ofArray best

/// Runs the work on one core: inside a loop of the workers, a product does not wake the others.
let onOneCore (work: unit -> unit) =
    Workers.For(
        Workers.Count,
        1,
        (fun part _ _ ->
            if part = 0 then
                work ())
    )

(**
### The peak

Twelve accumulators, each multiplied and added to in every round; nothing is read from memory. Each is independent of the
others, so their latencies overlap. No product can be faster than this loop. $x \leftarrow \frac12 x + 1$ tends to 2, which shows that the loop has really run.
*)
let multiplyAddsOf<'V, 'L when 'L: struct and 'L :> ILanes<'V>>
    (v: 'L)
    (rounds: int)
    (result: nativeptr<float32>)
    =
    let half, one = v.Create(0.5f), v.Create 1.0f
    let mutable x0, x1, x2, x3, x4, x5 = half, half, half, half, half, half
    let mutable x6, x7, x8, x9, xA, xB = half, half, half, half, half, half

    for _ in 1..rounds do
        x0 <- v.MultiplyAdd(x0, half, one)
        x1 <- v.MultiplyAdd(x1, half, one)
        x2 <- v.MultiplyAdd(x2, half, one)
        x3 <- v.MultiplyAdd(x3, half, one)
        x4 <- v.MultiplyAdd(x4, half, one)
        x5 <- v.MultiplyAdd(x5, half, one)
        x6 <- v.MultiplyAdd(x6, half, one)
        x7 <- v.MultiplyAdd(x7, half, one)
        x8 <- v.MultiplyAdd(x8, half, one)
        x9 <- v.MultiplyAdd(x9, half, one)
        xA <- v.MultiplyAdd(xA, half, one)
        xB <- v.MultiplyAdd(xB, half, one)

    x0 <- v.MultiplyAdd(x1, one, x0)
    x2 <- v.MultiplyAdd(x3, one, x2)
    x4 <- v.MultiplyAdd(x5, one, x4)
    x6 <- v.MultiplyAdd(x7, one, x6)
    x8 <- v.MultiplyAdd(x9, one, x8)
    xA <- v.MultiplyAdd(xB, one, xA)
    x0 <- v.MultiplyAdd(x2, one, x0)
    x4 <- v.MultiplyAdd(x6, one, x4)
    x8 <- v.MultiplyAdd(xA, one, x8)
    x0 <- v.MultiplyAdd(x4, one, x0)
    v.Store(v.MultiplyAdd(x8, one, x0), result)

let multiplyAdds rounds result =
    if Vector512.IsHardwareAccelerated then multiplyAddsOf (Lanes512()) rounds result
    elif Vector256.IsHardwareAccelerated then multiplyAddsOf (Lanes256()) rounds result
    else multiplyAddsOf (Lanes128()) rounds result

(**
### The memory

Reads each number once, and adds it up. Run over arrays that fit into L1, into L2, into L3 and into none, it gives the speed at which
each of them delivers.
*)
let readOf<'V, 'L when 'L: struct and 'L :> ILanes<'V>>
    (v: 'L)
    (count: int)
    (source: nativeptr<float32>)
    (result: nativeptr<float32>)
    =
    let one, w = v.Create 1.0f, v.Width
    let mutable s0, s1, s2, s3 = v.Create 0.0f, v.Create 0.0f, v.Create 0.0f, v.Create 0.0f
    let mutable s4, s5, s6, s7 = s0, s0, s0, s0
    let mutable p = source

    for _ in 1 .. count / (8 * w) do
        s0 <- v.MultiplyAdd(v.Load p, one, s0)
        s1 <- v.MultiplyAdd(v.Load(NativePtr.add p w), one, s1)
        s2 <- v.MultiplyAdd(v.Load(NativePtr.add p (2 * w)), one, s2)
        s3 <- v.MultiplyAdd(v.Load(NativePtr.add p (3 * w)), one, s3)
        s4 <- v.MultiplyAdd(v.Load(NativePtr.add p (4 * w)), one, s4)
        s5 <- v.MultiplyAdd(v.Load(NativePtr.add p (5 * w)), one, s5)
        s6 <- v.MultiplyAdd(v.Load(NativePtr.add p (6 * w)), one, s6)
        s7 <- v.MultiplyAdd(v.Load(NativePtr.add p (7 * w)), one, s7)
        p <- NativePtr.add p (8 * w)

    s0 <- v.MultiplyAdd(s1, one, s0)
    s2 <- v.MultiplyAdd(s3, one, s2)
    s4 <- v.MultiplyAdd(s5, one, s4)
    s6 <- v.MultiplyAdd(s7, one, s6)
    s0 <- v.MultiplyAdd(s2, one, s0)
    s4 <- v.MultiplyAdd(s6, one, s4)
    v.Store(v.MultiplyAdd(s4, one, s0), result)

let read count source result =
    if Vector512.IsHardwareAccelerated then readOf (Lanes512()) count source result
    elif Vector256.IsHardwareAccelerated then readOf (Lanes256()) count source result
    else readOf (Lanes128()) count source result

(**
The matrices lie in memory of their own, so that we choose where rows begin. They are padded with zeros to whole tiles: the
steps may then compute a little too much and need no code for the edges. (The shipped kernel takes matrices as they are and masks the edges.)
*)
let roundUp (unit: int) (count: int) = (count + unit - 1) / unit * unit

/// Rows and columns of the tile in steps 4 to 6.
let mr = 6

/// A float32 matrix in row-major order, aligned to 64 bytes and padded with zeros to whole tiles.
type RowMajor(rows: int, columns: int, leading: int) =
    let length = roundUp mr rows * leading

    let start =
        NativeMemory.AlignedAlloc(4un * unativeint length, 64un) |> NativePtr.ofVoidPtr<float32>

    do NativeMemory.Clear(NativePtr.toVoidPtr start, 4un * unativeint length)
    new(rows, columns) = new RowMajor(rows, columns, roundUp 32 columns)
    member _.Rows = rows
    member _.Columns = columns
    member _.Leading = leading
    /// The address of an element.
    member _.At(i, j) : nativeptr<float32> = NativePtr.add start (i * leading + j)
    member _.Span = Span<float32>(NativePtr.toVoidPtr start, length)
    member m.Clear() = m.Span.Clear()

    member m.ToMatrix() : Matrix<float> =
        Matrix<float>
            .Build.Dense(rows, columns, (fun i j -> float (NativePtr.read (m.At(i, j)))))

    interface IDisposable with
        member _.Dispose() = NativeMemory.AlignedFree(NativePtr.toVoidPtr start)

/// Random numbers from [-1, 1).
let fill (stream: RandomStream) (m: RowMajor) =
    for i in 0 .. m.Rows - 1 do
        for j in 0 .. m.Columns - 1 do
            NativePtr.write (m.At(i, j)) (float32 (2.0 * stream.NextUniform() - 1.0))

let readable = new RowMajor(1, page.Pick(quick = (1 <<< 25), standard = (1 <<< 26)))
readable.Span.Fill 1.0f
let result = new RowMajor(Workers.Count, 64)

let peakRounds = 200_000
let peakFlops = 2.0 * 12.0 * float lanes * float peakRounds

let peakOfOneCore () = multiplyAdds peakRounds (result.At(0, 0))

let peakOfAllCores () =
    Workers.For(
        Workers.Count,
        1,
        (fun part _ _ -> multiplyAdds peakRounds (result.At(part, 0)))
    )

warmUp (fun () -> multiplyAdds 1000 (result.At(0, 0)))
warmUp (fun () -> read 4096 (readable.At(0, 0)) (result.At(0, 32)))
multiplyAdds 1000 (result.At(0, 0))

holds
    "the loop that measures the peak computes 12 times 2"
    (NativePtr.read (result.At(0, 0)) = 24.0f)

/// GB/s at which one core reads that many bytes over and over.
let bandwidth bytes =
    let count = roundUp 1024 (bytes / 4)
    let rounds = max 1 ((1 <<< 23) / count)

    let work () =
        for _ in 1..rounds do
            read count (readable.At(0, 0)) (result.At(0, 32))

    let seconds = race (page.Pick(quick = 0.1, standard = 0.6)) [ work ] |> List.head
    4.0 * float count * float rounds / seconds / 1e9

let memoryBytes = 4 * readable.Columns

let levels =
    [
        $"L1, {kilobytes (l1 / 2)}", bandwidth (l1 / 2)
        $"L2, {kilobytes (l2 / 2)}", bandwidth (l2 / 2)
        $"L3, {kilobytes (l3 / 4)}", bandwidth (l3 / 4)
        $"memory, {kilobytes memoryBytes}", bandwidth memoryBytes
    ]

let memoryOfAllCores =
    let work () =
        let each = readable.Columns / Workers.Count / 1024 * 1024

        Workers.For(
            Workers.Count,
            1,
            (fun part _ _ -> read each (readable.At(0, part * each)) (result.At(part, 32)))
        )

    let seconds = race (page.Pick(quick = 0.1, standard = 0.6)) [ work ] |> List.head
    float memoryBytes / seconds / 1e9

let firstPeaks =
    race (page.Pick(quick = 0.3, standard = 1.0)) [ peakOfOneCore; peakOfAllCores ]

printfn $"{caption}"
printfn $"peak, one core: %.1f{peakFlops / firstPeaks[0] / 1e9} GF/s"

printfn
    $"peak, all {Workers.Count} cores: %.1f{float Workers.Count * peakFlops / firstPeaks[1] / 1e9} GF/s"

for name, speed in levels do
    printfn $"one core reads %.0f{speed} GB/s from {name}"

printfn $"all cores read %.0f{memoryOfAllCores} GB/s from memory"
(*** include-output ***)
(**
At the peak, a multiply-add, two flops, takes two numbers, 8 bytes. Compare the peak times 4 bytes a flop with these speeds: not even L1 can feed
arithmetic that fetches its operands anew each time.

### Step 1: three loops

As in the textbook: for each element of $C$, a row of $A$ times a column of $B$. The column is the trouble. Its elements lie `Leading` numbers
apart; each comes with a cache line of 16 neighbours of which nothing is used before the line is gone. And all additions go to one sum,
each waiting for the one before.
*)
let ijk (a: RowMajor) (b: RowMajor) (c: RowMajor) =
    for i in 0 .. a.Rows - 1 do
        for j in 0 .. b.Columns - 1 do
            let mutable sum = 0.0f

            for p in 0 .. a.Columns - 1 do
                sum <- sum + NativePtr.read (a.At(i, p)) * NativePtr.read (b.At(p, j))

            NativePtr.write (c.At(i, j)) sum

(**
### Step 2: another order

The loops can be exchanged, since the additions may come in any order. With $j$ innermost, $B$ and $C$ are walked along their rows: every
cache line is used whole, the next one is fetched before it is asked for, and neighbouring additions are independent.
*)
let ikj (a: RowMajor) (b: RowMajor) (c: RowMajor) =
    c.Clear()

    for i in 0 .. a.Rows - 1 do
        for p in 0 .. a.Columns - 1 do
            let factor = NativePtr.read (a.At(i, p))
            let target, source = c.At(i, 0), b.At(p, 0)

            for j in 0 .. b.Columns - 1 do
                NativePtr.set
                    target
                    j
                    (NativePtr.get target j + factor * NativePtr.get source j)

(**
### Step 3: vectors

The same, with as many columns at once as a vector has lanes, and a fused multiply-add. For one such instruction, two vectors are loaded and one is stored:
the arithmetic waits for the caches.
*)
let addRowOf<'V, 'L when 'L: struct and 'L :> ILanes<'V>>
    (v: 'L)
    (factor: float32)
    (source: nativeptr<float32>)
    (target: nativeptr<float32>)
    (count: int)
    =
    let factor = v.Create factor
    let mutable source, target = source, target

    for _ in 1 .. count / v.Width do
        v.Store(v.MultiplyAdd(factor, v.Load source, v.Load target), target)
        source <- NativePtr.add source v.Width
        target <- NativePtr.add target v.Width

let addRow factor source target count =
    if Vector512.IsHardwareAccelerated then addRowOf (Lanes512()) factor source target count
    elif Vector256.IsHardwareAccelerated then addRowOf (Lanes256()) factor source target count
    else addRowOf (Lanes128()) factor source target count

let vectors (a: RowMajor) (b: RowMajor) (c: RowMajor) =
    c.Clear()
    let count = roundUp lanes b.Columns

    for i in 0 .. a.Rows - 1 do
        for p in 0 .. a.Columns - 1 do
            addRow (NativePtr.read (a.At(i, p))) (b.At(p, 0)) (c.At(i, 0)) count

(**
### Step 4: a tile in registers

Six rows by two vectors of $C$: twelve accumulators, two vectors of $B$, one number of $A$ in all lanes: 15 registers, which every processor
here has. A step in $p$ makes 12 multiply-adds out of 8 loads and stores nothing. It meets (8), and twelve independent sums are more than the eight
that hide the latency.

`aRow` and `aStep` say where $A$'s next row and next column are, `bStep` where the next row of $B$ is: the same tile will serve packed pieces.
*)
let tileOf<'V, 'L when 'L: struct and 'L :> ILanes<'V>>
    (v: 'L)
    (steps: int)
    (a: nativeptr<float32>)
    (aRow: int)
    (aStep: int)
    (b: nativeptr<float32>)
    (bStep: int)
    (c: nativeptr<float32>)
    (ldc: int)
    =
    let w = v.Width
    let inline row i = NativePtr.add c (i * ldc)
    let mutable c00, c01 = v.Load(row 0), v.Load(NativePtr.add (row 0) w)
    let mutable c10, c11 = v.Load(row 1), v.Load(NativePtr.add (row 1) w)
    let mutable c20, c21 = v.Load(row 2), v.Load(NativePtr.add (row 2) w)
    let mutable c30, c31 = v.Load(row 3), v.Load(NativePtr.add (row 3) w)
    let mutable c40, c41 = v.Load(row 4), v.Load(NativePtr.add (row 4) w)
    let mutable c50, c51 = v.Load(row 5), v.Load(NativePtr.add (row 5) w)
    let mutable a0, a3, b = a, NativePtr.add a (3 * aRow), b

    for _ in 1..steps do
        let b0, b1 = v.Load b, v.Load(NativePtr.add b w)
        let x = v.Create(NativePtr.read a0)
        c00 <- v.MultiplyAdd(x, b0, c00)
        c01 <- v.MultiplyAdd(x, b1, c01)
        let x = v.Create(NativePtr.get a0 aRow)
        c10 <- v.MultiplyAdd(x, b0, c10)
        c11 <- v.MultiplyAdd(x, b1, c11)
        let x = v.Create(NativePtr.get a0 (2 * aRow))
        c20 <- v.MultiplyAdd(x, b0, c20)
        c21 <- v.MultiplyAdd(x, b1, c21)
        let x = v.Create(NativePtr.read a3)
        c30 <- v.MultiplyAdd(x, b0, c30)
        c31 <- v.MultiplyAdd(x, b1, c31)
        let x = v.Create(NativePtr.get a3 aRow)
        c40 <- v.MultiplyAdd(x, b0, c40)
        c41 <- v.MultiplyAdd(x, b1, c41)
        let x = v.Create(NativePtr.get a3 (2 * aRow))
        c50 <- v.MultiplyAdd(x, b0, c50)
        c51 <- v.MultiplyAdd(x, b1, c51)
        a0 <- NativePtr.add a0 aStep
        a3 <- NativePtr.add a3 aStep
        b <- NativePtr.add b bStep

    v.Store(c00, row 0)
    v.Store(c01, NativePtr.add (row 0) w)
    v.Store(c10, row 1)
    v.Store(c11, NativePtr.add (row 1) w)
    v.Store(c20, row 2)
    v.Store(c21, NativePtr.add (row 2) w)
    v.Store(c30, row 3)
    v.Store(c31, NativePtr.add (row 3) w)
    v.Store(c40, row 4)
    v.Store(c41, NativePtr.add (row 4) w)
    v.Store(c50, row 5)
    v.Store(c51, NativePtr.add (row 5) w)

/// C += A B on one tile; all of C's columns of the tile exist, if only as padding.
let tile steps a aRow aStep b bStep c ldc =
    if Vector512.IsHardwareAccelerated then
        tileOf (Lanes512()) steps a aRow aStep b bStep c ldc
    elif Vector256.IsHardwareAccelerated then
        tileOf (Lanes256()) steps a aRow aStep b bStep c ldc
    else
        tileOf (Lanes128()) steps a aRow aStep b bStep c ldc

let registerTile (a: RowMajor) (b: RowMajor) (c: RowMajor) =
    c.Clear()

    for j in 0..nr .. b.Columns - 1 do
        for i in 0..mr .. a.Rows - 1 do
            tile
                a.Columns
                (a.At(i, 0))
                a.Leading
                1
                (b.At(0, j))
                b.Leading
                (c.At(i, j))
                c.Leading

(**
### Step 5: blocks for the caches

The cuts (1) to (3) around the same tile. `kc` steps at a time, so that the sliver of $B$ stays in L1 or close to it while the tiles of a block use it; `mc`
rows at a time, so that the block of $A$ stays in L2 while all slivers pass. Nothing is copied yet.
*)
let blocked kc mc (a: RowMajor) (b: RowMajor) (c: RowMajor) =
    c.Clear()

    for p in 0..kc .. a.Columns - 1 do // (1)
        let steps = min kc (a.Columns - p)

        for block in 0..mc .. a.Rows - 1 do // (2)
            let endOfBlock = min (block + mc) a.Rows

            for j in 0..nr .. b.Columns - 1 do // (3)
                for i in block..mr .. endOfBlock - 1 do
                    tile
                        steps
                        (a.At(i, p))
                        a.Leading
                        1
                        (b.At(p, j))
                        b.Leading
                        (c.At(i, j))
                        c.Leading

(**
### Step 6: packing

The panel of $B$ is copied once for each `p`, sliver after sliver, and the block of $A$ once for each block. The rows of the copied block lie
16 numbers more than their length apart: off any power of two.
*)
let copyRows
    rows
    length
    (source: nativeptr<float32>)
    sourceRow
    (target: nativeptr<float32>)
    targetRow
    =
    for i in 0 .. rows - 1 do
        let from = NativePtr.add source (i * sourceRow)
        let into = NativePtr.add target (i * targetRow)
        let bytes = 4L * int64<int> length
        Buffer.MemoryCopy(NativePtr.toVoidPtr from, NativePtr.toVoidPtr into, bytes, bytes)

/// Room for the largest panel and the largest block that this page packs.
let bufferB, bufferA =
    let largest = roundUp 32 largeN
    new RowMajor(largest, largest), new RowMajor(largest + mr, largest + 32)

let packed kc mc (a: RowMajor) (b: RowMajor) (c: RowMajor) =
    c.Clear()

    for p in 0..kc .. a.Columns - 1 do
        let steps = min kc (a.Columns - p)
        let panel, blockOfA, row = bufferB.At(0, 0), bufferA.At(0, 0), roundUp 16 steps + 16

        for j in 0..nr .. b.Columns - 1 do
            copyRows steps nr (b.At(p, j)) b.Leading (NativePtr.add panel (j * steps)) nr

        for block in 0..mc .. a.Rows - 1 do
            let height = roundUp mr (min mc (a.Rows - block))
            copyRows height steps (a.At(block, p)) a.Leading blockOfA row

            for j in 0..nr .. b.Columns - 1 do
                for i in 0..mr .. height - 1 do
                    tile
                        steps
                        (NativePtr.add blockOfA (i * row))
                        row
                        1
                        (NativePtr.add panel (j * steps))
                        nr
                        (c.At(block + i, j))
                        c.Leading

(**
### Step 7: the shipped kernel on one core. Step 8: on all

What the core does beyond step 6: the tallest tile that the registers hold, instead of six rows; rows divided evenly among the tiles, so that no
short tile is left over; masks instead of padding; a fetch of $C$ ahead of time; copies only where they pay (few slivers, or few rows, are read in place); the other two forms.
*)
let shipped (a: RowMajor) (b: RowMajor) (c: RowMajor) =
    Gemm.NN<float32>(
        a.Rows,
        b.Columns,
        a.Columns,
        Span.op_Implicit a.Span,
        a.Leading,
        Span.op_Implicit b.Span,
        b.Leading,
        c.Span,
        c.Leading,
        false
    )

let shippedOnOneCore a b c = onOneCore (fun () -> shipped a b c)
(**
### All steps are right

Before any of them is timed: each against a product in double by MathNet, on the large square and on small and odd shapes. The number is
the worst error of an element over the bound $\gamma_k (|A||B|)_{ij}$ of (9), which holds for every order of summation; it must not exceed 1.
*)
type Step =
    {
        Name: string
        Multiply: RowMajor -> RowMajor -> RowMajor -> unit
        /// Flops for each byte that goes between the first cache and the registers.
        FlopsPerByte: float
    }

/// Equation 7, in bytes, with C read and written once in steps.
let tileFlopsPerByte rows columns steps =
    let flops = 2.0 * float rows * float columns * float steps
    let numbers = float (rows + columns) * float steps + 2.0 * float (rows * columns)
    flops / (4.0 * numbers)

// The core cuts the inner dimension evenly.
let shippedSteps = let pieces = (n + kc - 1) / kc in (n + pieces - 1) / pieces

let steps =
    [
        { Name = "1 ijk"; Multiply = ijk; FlopsPerByte = 2.0 / 8.0 }
        { Name = "2 ikj"; Multiply = ikj; FlopsPerByte = 2.0 / 12.0 }
        { Name = "3 vectors"; Multiply = vectors; FlopsPerByte = 2.0 / 12.0 }
        {
            Name = "4 register tile"
            Multiply = registerTile
            FlopsPerByte = tileFlopsPerByte mr nr n
        }
        {
            Name = "5 blocks"
            Multiply = blocked kc mc
            FlopsPerByte = tileFlopsPerByte mr nr kc
        }
        {
            Name = "6 packing"
            Multiply = packed kc mc
            FlopsPerByte = tileFlopsPerByte mr nr kc
        }
        {
            Name = "7 shipped, one core"
            Multiply = shippedOnOneCore
            FlopsPerByte = tileFlopsPerByte tileRows nr shippedSteps
        }
        {
            Name = "8 shipped, all cores"
            Multiply = shipped
            FlopsPerByte = tileFlopsPerByte tileRows nr shippedSteps
        }
    ]

let numbers = RandomStream(page.Seed).Split "matrices"

/// Two random matrices to multiply, and their product in double with the bound of each of its elements.
let problem rows columns inner =
    let a, b = new RowMajor(rows, inner), new RowMajor(inner, columns)
    fill numbers a
    fill numbers b
    let a', b' = a.ToMatrix(), b.ToMatrix()
    a, b, a' * b', gamma (float inner) * (a'.PointwiseAbs() * b'.PointwiseAbs())

let errorOverBound (truth: Matrix<float>) (bound: Matrix<float>) (c: RowMajor) =
    (c.ToMatrix() - truth).PointwiseAbs().PointwiseDivide(bound).Enumerate() |> Seq.max

let oddShapes =
    [ 1, 1, 1; 1, 77, 5; 97, 1, 64; 6, 32, 384; 7, 33, 385; 61, 257, 1000; 130, 95, 17 ]

let squareA, squareB, squareTruth, squareBound = problem n n n
let squareC = new RowMajor(n, n)

for step in steps do
    step.Multiply squareA squareB squareC

    check
        $"step {step.Name}, {n} x {n} x {n}"
        (errorOverBound squareTruth squareBound squareC)
        1.0

    check
        $"step {step.Name}, {oddShapes.Length} odd shapes"
        (List.max
            [
                for rows, columns, inner in oddShapes ->
                    let a, b, truth, bound = problem rows columns inner
                    use a = a
                    use b = b
                    use c = new RowMajor(rows, columns)
                    step.Multiply a b c
                    errorOverBound truth bound c
            ])
        1.0
(*** include-output ***)
(**
### The ladder

Now the clock. The two slow steps race each other, the other six race the loop that measures the peak, so that a share of the peak compares times taken
side by side. The peak is thus measured a second time, and may differ from the first: clocks vary.
*)
let flopsOf rows columns inner = 2.0 * float rows * float columns * float inner

let smallProblem =
    let a, b, _, _ = problem 48 64 48
    a, b, new RowMajor(48, 64)

warmUp (fun () ->
    for step in steps do
        let a, b, c = smallProblem
        step.Multiply a b c)

let run (step: Step) () = step.Multiply squareA squareB squareC

let ladder, ladderSeconds =
    timed (fun () ->
        let slow = race (page.Pick(1.0, 8.0, 60.0)) [ for step in steps[..1] -> run step ]

        let fast =
            race
                (page.Pick(1.5, 12.0, 30.0))
                [
                    for step in steps[2..] do
                        run step
                    peakOfOneCore
                    peakOfAllCores
                ]

        slow @ fast)

let rates = [ for seconds in List.take 8 ladder -> flopsOf n n n / seconds / 1e9 ]
let peak = peakFlops / ladder[8] / 1e9
let peakAll = float Workers.Count * peakFlops / ladder[9] / 1e9
let peakOf i = if i = 7 then peakAll else peak

printfn $"{caption}"
printfn $"peak: %.1f{peak} GF/s on one core, %.1f{peakAll} GF/s on all {Workers.Count}"

table
    [ "step"; "GF/s"; "share of the peak, %"; "times the step before"; "flops per byte, L1" ]
    [
        for i, step in List.indexed steps ->
            [
                step.Name
                $"%.2f{rates[i]}"
                $"%.1f{100.0 * rates[i] / peakOf i}"
                (if i = 0 then "" else $"%.2f{rates[i] / rates[i - 1]}")
                $"%.2f{step.FlopsPerByte}"
            ]
    ]
(*** include-output ***)
(*** include-it-raw ***)
let settleWith claim value seconds = settle claim [ (page.Seed, value) ] seconds

settleWith loopOrder (rates[1] / rates[0]) ladderSeconds
settleWith registers (rates[3] / rates[2]) ladderSeconds
settleWith packing (rates[5] / rates[4]) ladderSeconds
settleWith nearPeak (rates[6] / peak) ladderSeconds

// With one thread there is nothing to compare.
if Workers.Count > 1 then
    settleWith allCores ((rates[7] / rates[6]) / (peakAll / peak)) ladderSeconds
(*** include-output ***)
(**
### The roofline

Each step is a point: across, the flops it does for each byte that it moves between L1 and registers, counted from its code; up, its speed. The
slanted lines are what a core can do if every byte comes from that level at the measured speed; the level lines are the measured peaks. (Williams, Waterman and
Patterson 2009; counting at the registers is due to Ilic, Pratas and Sousa 2014.) A point close under a slanted line is limited by that level. A point to the right of
where L1's line meets the peak has no excuse left but latency, cache misses and overhead.
*)
let intensities = [ 0.125; 16.0 ]

/// From the left edge up to the peak, or to the right edge if that comes first.
let roof (speed: float) =
    let ends = [ intensities[0]; min (peak / speed) intensities[1] ]
    ends, [ for intensity in ends -> intensity * speed ]

[
    for (name, speed), colour in
        List.zip levels [ Palette.green; Palette.sky; Palette.purple; Palette.grey ] do
        let x, y = roof speed

        Chart.Line(
            x = x,
            y = y,
            Name = name.Split(',')[0] + $", %.0f{speed} GB/s",
            LineColor = colour
        )

    for name, value, colour in
        [
            "peak of one core", peak, Palette.blue
            $"peak of {Workers.Count} cores", peakAll, Palette.orange
        ] do
        Chart.Line(
            x = intensities,
            y = [ value; value ],
            Name = $"{name}, %.0f{value} GF/s",
            LineColor = colour,
            LineDash = StyleParam.DrawingStyle.Dash
        )

    Chart.Point(
        x = [ for step in steps -> step.FlopsPerByte ],
        y = rates,
        Name = "steps 1 to 8",
        MultiText = [ for step in steps -> step.Name[..0] ],
        // Steps 4 to 6 lie side by side, their names apart.
        MultiTextPosition =
            [
                for step in steps ->
                    match step.Name[0] with
                    | '5'
                    | '7' -> StyleParam.TextPosition.MiddleRight
                    | '6' -> StyleParam.TextPosition.TopCenter
                    | _ -> StyleParam.TextPosition.MiddleLeft
            ],
        MarkerColor = Palette.red
    )
]
|> Chart.combine
|> Chart.withXAxisStyle (
    TitleText = "flops per byte between L1 and registers",
    AxisType = StyleParam.AxisType.Log
)
|> Chart.withYAxisStyle (TitleText = "speed, GF/s", AxisType = StyleParam.AxisType.Log)
|> figure
    "roofline"
    $"Roofline of one core: each step of the product of {n} x {n} x {n} by its arithmetic intensity, below the measured speeds of L1, L2, L3 and memory and the measured peak. The first figure of Williams et al. has one slanted line, that of the memory."
(*** include-it-raw ***)
(**
### Over sizes

The shipped kernel on squares, on one core and on all. From memory's side, a product has to read $A$ and $B$, and read and write $C$, once: $2n^3$ flops on
$16n^2$ bytes, $n/8$ flops a byte. The dotted line is the roof that memory alone puts over that. From a few hundred on nothing but the peak is in the way,
which is what (5) promises. At the small end a call's overhead and the edges show, and all cores begin to pay when each gets work for some microseconds.
*)
let sizes =
    [ 16; 32; 64; 100; 128; 256; 512; 1000 ]
    |> List.append (page.Pick([], [ 24; 48; 192; 384; 768; 1024; 1536; 2048 ]))
    |> List.append (page.Pick([], [], [ 3000; 4096 ]))
    |> List.sort

let bySize =
    [
        for size in sizes do
            use a = new RowMajor(size, size)
            use b = new RowMajor(size, size)
            use c = new RowMajor(size, size)

            fill numbers a
            fill numbers b
            let times = max 1 (int (2e7 / float size ** 3.0))

            let many multiply () =
                for _ in 1..times do
                    multiply a b c

            let seconds =
                race
                    (page.Pick(quick = 0.1, standard = 0.6))
                    [ (fun () -> onOneCore (many shipped)); many shipped ]

            size, [ for each in seconds -> float times * flopsOf size size size / each / 1e9 ]
    ]

[
    for i, name, colour in [ 0, "one core", Palette.blue; 1, "all cores", Palette.orange ] do
        Chart.Line(
            x = sizes,
            y = [ for _, speeds in bySize -> speeds[i] ],
            Name = name,
            LineColor = colour,
            ShowMarkers = true
        )

    for name, value, colour in
        [ "peak of one core", peak, Palette.blue; "peak of all cores", peakAll, Palette.orange ] do
        Chart.Line(
            x = sizes,
            y = [ for _ in sizes -> value ],
            Name = name,
            LineColor = colour,
            LineDash = StyleParam.DrawingStyle.Dash
        )

    Chart.Line(
        x = sizes,
        y = [ for size in sizes -> min peakAll (memoryOfAllCores * float size / 8.0) ],
        Name = "roof of the memory, all cores",
        LineColor = Palette.grey,
        LineDash = StyleParam.DrawingStyle.Dot
    )
]
|> Chart.combine
|> Chart.withXAxisStyle (TitleText = "n, of n x n x n", AxisType = StyleParam.AxisType.Log)
|> Chart.withYAxisStyle (TitleText = "speed, GF/s")
|> figure
    "sizes"
    "Speed of the shipped kernel on square matrices, on one core and on all, with the peaks and the roof that memory sets. The paper draws the speed of its kernel over sizes in the same way."
(*** include-it-raw ***)
(**
### The three forms

NT and TN differ from NN in how a piece is copied. For $dA$ and $dB$ of a layer they are all there is to do, so their speed is the speed of training.
*)
let forms =
    let timesOne (multiply: unit -> unit) () = onOneCore multiply

    [
        "NN, C = A B", timesOne (fun () -> shipped squareA squareB squareC)
        "NT, dA = dC Bᵀ",
        timesOne (fun () ->
            Gemm.NT<float32>(
                n,
                n,
                n,
                Span.op_Implicit squareA.Span,
                squareA.Leading,
                Span.op_Implicit squareB.Span,
                squareB.Leading,
                squareC.Span,
                squareC.Leading,
                false
            ))
        "TN, dB = Aᵀ dC",
        timesOne (fun () ->
            Gemm.TN<float32>(
                n,
                n,
                n,
                Span.op_Implicit squareA.Span,
                squareA.Leading,
                Span.op_Implicit squareB.Span,
                squareB.Leading,
                squareC.Span,
                squareC.Leading,
                false
            ))
    ]

let formSeconds =
    race (page.Pick(quick = 0.3, standard = 2.0)) [ for _, work in forms -> work ]

table
    [ "form"; "GF/s, one core"; "share of the peak, %" ]
    [
        for (name, _), seconds in List.zip forms formSeconds ->
            let rate = flopsOf n n n / seconds / 1e9
            [ name; $"%.1f{rate}"; $"%.1f{100.0 * rate / peak}" ]
    ]
(*** include-it-raw ***)
(**
## Break it

### Without blocks, without packing

The four combinations, over sizes that are powers of two, with the tile of step 4 in all of them. And two sweeps: $k_c$, with $m_c k_c$ held, so that only the
sliver of $B$ grows, out of L1 and then out of L2; and $m_c$, so that the block of $A$ does. Choose in the plot, where they are kc and mc.
*)
let speedsOf budget rows columns inner multiplies =
    use a = new RowMajor(rows, inner)
    use b = new RowMajor(inner, columns)
    use c = new RowMajor(rows, columns)

    fill numbers a
    fill numbers b

    [
        for seconds in race budget [ for multiply in multiplies -> fun () -> multiply a b c ] ->
            flopsOf rows columns inner / seconds / 1e9
    ]

let budget = page.Pick(quick = 0.2, standard = 2.0)
let whole = roundUp mr largeN

let removals =
    [
        "blocks and packing", packed kc mc, Palette.blue
        "packing, no blocks", packed whole whole, Palette.green
        "blocks, no packing", blocked kc mc, Palette.orange
        "neither", blocked whole whole, Palette.red
    ]

let removalSizes =
    [ for power in 7..12 -> 1 <<< power ] |> List.filter (fun size -> size <= largeN)

let removalSpeeds, removalSeconds =
    timed (fun () ->
        [
            for size in removalSizes ->
                speedsOf
                    (if size = largeN then 2.0 * budget else budget)
                    size
                    size
                    size
                    [ for _, multiply, _ in removals -> multiply ]
        ])

settleWith blocks (let speeds = List.last removalSpeeds in speeds[0] / speeds[1]) removalSeconds
(*** include-output ***)
/// The sweep over kc takes an inner dimension long enough for all of its values.
let sweepRows, sweepInner = page.Pick((240, 2048), (480, 4096), (960, 4096))

let halfL1 = l1 / 2 / (4 * nr)

let innerBlocks =
    [ 8; 16; 32; 64; 128; 192; 256; 384; 512; 768; 1024; 2048; 4096 ]
    |> List.filter (fun kc -> kc <= sweepInner)
    |> List.append [ halfL1 ]
    |> List.distinct
    |> List.sort

let innerSpeeds, innerSeconds =
    timed (fun () ->
        speedsOf
            (4.0 * budget)
            sweepRows
            sweepRows
            sweepInner
            [
                for steps in innerBlocks ->
                    packed steps (roundUp mr (min sweepRows (mc * kc / steps)))
            ])

settleWith
    halfOfL1
    (innerSpeeds[List.findIndex ((=) halfL1) innerBlocks] / List.max innerSpeeds)
    innerSeconds
(*** include-output ***)
let rowBlocks =
    [ 6; 12; 24; 48; 96; 168; 336; 672; 1344; 2688 ]
    |> List.filter (fun rows -> rows <= sweepInner)

let rowSpeeds =
    speedsOf
        (2.0 * budget)
        sweepInner
        sweepRows
        (2 * kc)
        [ for rows in rowBlocks -> packed kc rows ]

let curve x y name colour =
    Chart.Line(x = x, y = y, Name = name, LineColor = colour, ShowMarkers = true)

let limit at name colour =
    Chart.Line(
        x = [ at; at ],
        y = [ 0.0; peak ],
        Name = name,
        LineColor = colour,
        LineDash = StyleParam.DrawingStyle.Dash
    )

[
    "without blocks, without packing",
    Chart.combine
        [
            for i, (name, _, colour) in List.indexed removals ->
                curve
                    (List.map float removalSizes)
                    [ for speeds in removalSpeeds -> speeds[i] ]
                    name
                    colour
        ]
    "kc",
    Chart.combine
        [
            curve (List.map float innerBlocks) innerSpeeds "packed" Palette.blue
            limit (float l1 / float (4 * nr)) "sliver of B fills L1" Palette.orange
            limit (float l2 / float (4 * nr)) "sliver of B fills L2" Palette.red
        ]
    "mc",
    Chart.combine
        [
            curve (List.map float rowBlocks) rowSpeeds "packed" Palette.blue
            limit (float l2 / float (4 * kc)) "block of A fills L2" Palette.red
        ]
]
|> selector
|> Chart.withXAxisStyle (
    TitleText = "n, kc or mc, as chosen",
    AxisType = StyleParam.AxisType.Log
)
|> Chart.withYAxisStyle (TitleText = "speed of one core, GF/s", MinMax = (0.0, 1.05 * peak))
|> figure
    "break-it"
    "Speed of the page's own kernel with its parts removed, over sizes; and over the block sizes kc and mc, with the points at which a piece outgrows its cache."
(*** include-it-raw ***)
(**
Do blocks pay? They did for the processors of the paper. For yours, ask what the tile reads if nothing is blocked: a sliver of $B$ that is as long as
the matrix, again for each tile, and all of $A$, again for each sliver. The roof is the speed of the level that has to deliver the piece, times the flops
done with each of its bytes. Only a roof below the peak makes blocks pay.
*)
let speedOfLevel bytes =
    let level = [ l1; l2; l3 ] |> List.filter (fun size -> size < bytes) |> List.length
    levels[level]

table
    [
        $"without blocks, n = {largeN}"
        "size"
        "has to come from"
        "GB/s"
        "flops a byte"
        "roof, GF/s"
        "peak, GF/s"
    ]
    [
        for piece, bytes, flopsPerByte in
            [
                "sliver of B", 4 * largeN * nr, float mr / 2.0
                "all of A", 4 * largeN * largeN, float nr / 2.0
            ] do
            let level, speed = speedOfLevel bytes

            [
                piece
                kilobytes bytes
                level.Split(',')[0]
                $"%.0f{speed}"
                $"%.0f{flopsPerByte}"
                $"%.0f{speed * flopsPerByte}"
                $"%.0f{peak}"
            ]
    ]
(*** include-it-raw ***)
(**
Second caches have become large and fast, and fetch ahead by themselves when a piece is read in order. Packed pieces are read in order. So where the
[ledger](index.html#Ledger) says that blocks gained nothing, the tile and the packing have already done their work: they made the reads few, and easy to
foresee. The plot above shows how the same loops slow down without packing, once rows lie far apart.

### The leading dimension

The same product, with the rows of all three matrices further and further apart. What changes is only where numbers lie. At powers of two the unpacked kernel's
rows fall into the same few sets of the cache; 16 numbers of padding cure most of it. Packing makes the kernel nearly blind to it.
*)
let leadings =
    [
        for power in [ 1; 2; 4 ] do
            power * n
            power * n + 16
    ]

let leadingSpeeds =
    [
        for leading in leadings ->
            use a = new RowMajor(n, n, leading)
            use b = new RowMajor(n, n, leading)
            use c = new RowMajor(n, n, leading)

            fill numbers a
            fill numbers b

            [
                for seconds in
                    race
                        budget
                        [
                            fun () -> blocked kc mc a b c
                            fun () -> packed kc mc a b c
                            fun () -> shippedOnOneCore a b c
                        ] -> flopsOf n n n / seconds / 1e9
            ]
    ]

[
    for i, name, colour in
        [
            0, "5 blocks", Palette.orange
            1, "6 packing", Palette.blue
            2, "7 shipped, one core", Palette.green
        ] ->
        Chart.Column(
            values = [ for speeds in leadingSpeeds -> speeds[i] ],
            Keys = [ for leading in leadings -> string<int> leading ],
            Name = name,
            MarkerColor = colour
        )
]
|> Chart.combine
|> Chart.withXAxisStyle (
    TitleText = "leading dimension, numbers",
    AxisType = StyleParam.AxisType.Category
)
|> Chart.withYAxisStyle (TitleText = "speed of one core, GF/s")
|> figure
    "leading-dimension"
    $"Speed of the product of {n} x {n} x {n} by the leading dimension of its matrices: powers of two, and the same with 16 numbers of padding."
(*** include-it-raw ***)
(**
## Paper says, we did

| The paper | This page | Why |
|---|---|---|
| Fortran's order: columns contiguous, $A$ packed for the kernel, $B$ streamed | C's order: rows contiguous, so that $A$ and $B$ change places | $C^\top = B^\top A^\top$: the same algorithm, seen in a mirror |
| kernels in assembly, one for each processor | one text over vectors of three widths | the JIT compiles it for the processor that it finds |
| double precision first | float32 in the experiment, double in the agreement | models train in float32; a vector holds twice as many |
| the TLB decides $m_c$ and $k_c$ | the caches do | second-level TLBs now hold thousands of pages |
| packing of $A$ hidden in the kernel's first pass | packed ahead, block by block | simpler, and a few percent at most |
| one core | all cores, each with a part of $C$ and buffers of its own | nothing shared, nothing to wait for |
| a range of processors of its time | yours | it is the one you can check |

## Exercises

**1. Write a pullback.** A linear layer stores its weights so that $C = A B^\top$, with $A$ $[m, k]$ and $B$ $[n, k]$. Derive $dA$ and $dB$ as was done for
MM-2 and MM-3, put them into `transposedPullback`, and run the page again: the line below turns to *solved*.
*)
/// Yours to write: the gradients dA and dB of C = A Bᵀ, from A, B and dC.
let transposedPullback (a: Matrix<float>) (b: Matrix<float>) (dc: Matrix<float>) =
    let zeros (like: Matrix<float>) = Matrix<float>.Build.Dense(like.RowCount, like.ColumnCount)

    zeros a, zeros b

/// The worst error of such a pullback against central differences.
let errorOfPullback pullback : float =
    let a, b, dc = normalMatrix 4 3, normalMatrix 5 3, normalMatrix 4 5

    let loss (a: Matrix<float>) (b: Matrix<float>) =
        dc.PointwiseMultiply(a * b.Transpose()).Enumerate() |> Seq.sum

    let differences (at: Matrix<float>) (loss: Matrix<float> -> float) =
        let h = 1e-3

        let moved (i: int) (j: int) by =
            let copy = at.Clone()
            copy[i, j] <- copy[i, j] + by
            loss copy

        Matrix<float>
            .Build.Dense(
                at.RowCount,
                at.ColumnCount,
                (fun i j -> (moved i j h - moved i j -h) / (2.0 * h))
            )

    let error (derived: Matrix<float>) (measured: Matrix<float>) =
        (derived - measured).PointwiseAbs().Enumerate() |> Seq.max

    let da, db = pullback a b dc
    max (error da (differences a (fun a -> loss a b))) (error db (differences b (loss a)))

let exercise = errorOfPullback transposedPullback

printfn
    "exercise 1: %s"
    (if exercise < 1e-8 then "solved" else $"still open, error %.1e{exercise}")
(*** include-output ***)
(*** hide ***)
check
    "the solution of exercise 1"
    (errorOfPullback (fun a b dc -> dc * b, dc.Transpose() * a))
    1e-8
(**
<details><summary>Solution</summary>

$\langle dC, \delta A\,B^\top \rangle = \operatorname{tr}(dC^\top \delta A\,B^\top) = \operatorname{tr}(B^\top dC^\top \delta A)$, so $dA = dC\,B$. And
$\langle dC, A\,\delta B^\top \rangle = \langle dC^\top, \delta B\,A^\top \rangle$, so $dB = dC^\top A$. The forward pass is NT, the backward
passes NN and TN: the three forms again, with other roles.

</details>

**2.** The tile of step 4 has 6 rows. With 32 registers, (8) allows up to 14. Write the tile for 8 rows, and put it into step 6. How much of the
distance to step 7 does that close?

<details><summary>Hint</summary>

The roofline's axis moves from 2.5 to 3.2 flops a byte. But a tile that L1 can feed at the peak gains little more from fewer reads: look for what else step 7 does.

</details>

**3.** Equation 5 wants the block of $A$ as large as the second cache allows. Look at the sweep over $m_c$: how small may the block become before
speed falls by a tenth? Which of the assumptions behind (4) does your processor not meet?

<details><summary>Solution</summary>

(4) counts numbers moved as if nothing moved while the core computes. Processors fetch ahead: what matters is not how much is moved but
whether it arrives in time, and then (6) with the level's speed is the condition, which is met by far smaller blocks.

</details>

## References

- Goto and van de Geijn 2008, [Anatomy of High-Performance Matrix Multiplication](https://doi.org/10.1145/1356052.1356053).
- Van Zee and van de Geijn 2015, BLIS: A Framework for Rapidly Instantiating BLAS Functionality: the same loops with a smaller kernel, the form used here.
- Williams, Waterman and Patterson 2009, Roofline: An Insightful Visual Performance Model for Multicore Architectures.
- Ilic, Pratas and Sousa 2014, Cache-aware Roofline Model: Upgrading the Loft.
- Higham 2002, Accuracy and Stability of Numerical Algorithms, chapters 3 and 4: the bounds of sums and products.
*)
(*** hide ***)
finish page
