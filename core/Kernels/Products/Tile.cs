using System.Runtime.Intrinsics.X86;

namespace Hybrid.Kernels;

/// <summary>A value known to the JIT, so that what it rules out leaves no code behind.</summary>
internal interface IConstant<TValue>
{
    static abstract TValue Value { get; }
}

/// <summary>One tile of a matrix product, held in registers while the inner dimension runs by.</summary>
/// <remarks>
/// Rows: 1 to 14, at most <see cref="ILanes{TVector,T}.TileRows"/> if nothing is to spill; columns: one or two vectors.
/// One text serves every height: the rows beyond it vanish when the JIT specialises it.
/// </remarks>
internal static unsafe class Tile<T, TVector, TLanes>
    where T : unmanaged, IBinaryFloatingPointIeee754<T> where TVector : struct where TLanes : ILanes<TVector, T>
{
    /// <summary>
    /// C = A B, or C += A B, on a tile of TRows rows and columns columns; columns in (0, TVectors vectors], the last vector at least one
    /// lane.
    /// </summary>
    /// <remarks>
    /// A's element (i, p) is a[i aRow + p aStep]; B's row p is b[p bStep], read only as far as columns. Neither may overlap C. inner is 1
    /// or more. With TSegments the inner dimension has segments such runs, 1 or more: A's next one begins aSegment further on, B's
    /// bSegment. Without, the three are not looked at.
    /// </remarks>
    [MethodImpl(NoInlining | AggressiveOptimization)]
    public static void Multiply<TRows, TVectors, TSegments>(
        nint inner, T* a, nint aRow, nint aStep, T* b, nint bStep, T* c, nint ldc, int columns, bool accumulate,
        nint segments, nint aSegment, nint bSegment)
        where TRows : struct, IConstant<int> where TVectors : struct, IConstant<int> where TSegments : struct, IConstant<bool>
    {
        TVector c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
        TVector c40 = default, c41 = default, c50 = default, c51 = default, c60 = default, c61 = default, c70 = default, c71 = default;
        TVector c80 = default, c81 = default, c90 = default, c91 = default, cA0 = default, cA1 = default, cB0 = default, cB1 = default;
        TVector cC0 = default, cC1 = default, cD0 = default, cD1 = default;
        // C is written last; asked for now it is there by then. Where the product is small it is in the cache anyway.
        if (Sse.IsSupported && (TSegments.Value || inner > 64))
            for (nint row = 0; row < TRows.Value; row++)
            {
                Sse.Prefetch0(c + row * ldc);
                if (TVectors.Value > 1) Sse.Prefetch0(c + row * ldc + TLanes.Width);
            }
        var last = TLanes.FirstLanes(columns - (TVectors.Value - 1) * TLanes.Width);
        // Every third row has a pointer of its own; the two behind it are reached with the processor's address arithmetic.
        T* a0 = a, a3 = a0 + 3 * aRow, a6 = a3 + 3 * aRow, a9 = a6 + 3 * aRow, aC = a9 + 3 * aRow;
        // What is left to the next segment once the steps of one are done.
        nint aJump = TSegments.Value ? aSegment - inner * aStep : 0, bJump = TSegments.Value ? bSegment - inner * bStep : 0;
        do
        {
            var step = inner;
            do
            {
                var b0 = TVectors.Value == 1 ? TLanes.LoadFirst(b, last, default) : TLanes.Load(b);
                var b1 = TVectors.Value == 1 ? default : TLanes.LoadFirst(b + TLanes.Width, last, default);
                b += bStep;
                if (TRows.Value > 0) Step(a0, b0, b1, ref c00, ref c01);
                if (TRows.Value > 1) Step(a0 + aRow, b0, b1, ref c10, ref c11);
                if (TRows.Value > 2) Step(a0 + 2 * aRow, b0, b1, ref c20, ref c21);
                if (TRows.Value > 3) Step(a3, b0, b1, ref c30, ref c31);
                if (TRows.Value > 4) Step(a3 + aRow, b0, b1, ref c40, ref c41);
                if (TRows.Value > 5) Step(a3 + 2 * aRow, b0, b1, ref c50, ref c51);
                if (TRows.Value > 6) Step(a6, b0, b1, ref c60, ref c61);
                if (TRows.Value > 7) Step(a6 + aRow, b0, b1, ref c70, ref c71);
                if (TRows.Value > 8) Step(a6 + 2 * aRow, b0, b1, ref c80, ref c81);
                if (TRows.Value > 9) Step(a9, b0, b1, ref c90, ref c91);
                if (TRows.Value > 10) Step(a9 + aRow, b0, b1, ref cA0, ref cA1);
                if (TRows.Value > 11) Step(a9 + 2 * aRow, b0, b1, ref cB0, ref cB1);
                if (TRows.Value > 12) Step(aC, b0, b1, ref cC0, ref cC1);
                if (TRows.Value > 13) Step(aC + aRow, b0, b1, ref cD0, ref cD1);
                a0 += aStep;
                a3 += aStep;
                a6 += aStep;
                a9 += aStep;
                aC += aStep;
            }
            while (--step > 0);
            if (!TSegments.Value) break;
            a0 += aJump;
            a3 += aJump;
            a6 += aJump;
            a9 += aJump;
            aC += aJump;
            b += bJump;
        }
        while (--segments > 0);
        if (TRows.Value > 0) Write(c, c00, c01);
        if (TRows.Value > 1) Write(c + 1 * ldc, c10, c11);
        if (TRows.Value > 2) Write(c + 2 * ldc, c20, c21);
        if (TRows.Value > 3) Write(c + 3 * ldc, c30, c31);
        if (TRows.Value > 4) Write(c + 4 * ldc, c40, c41);
        if (TRows.Value > 5) Write(c + 5 * ldc, c50, c51);
        if (TRows.Value > 6) Write(c + 6 * ldc, c60, c61);
        if (TRows.Value > 7) Write(c + 7 * ldc, c70, c71);
        if (TRows.Value > 8) Write(c + 8 * ldc, c80, c81);
        if (TRows.Value > 9) Write(c + 9 * ldc, c90, c91);
        if (TRows.Value > 10) Write(c + 10 * ldc, cA0, cA1);
        if (TRows.Value > 11) Write(c + 11 * ldc, cB0, cB1);
        if (TRows.Value > 12) Write(c + 12 * ldc, cC0, cC1);
        if (TRows.Value > 13) Write(c + 13 * ldc, cD0, cD1);

        [MethodImpl(AggressiveInlining)] static void Step(T* a, TVector b0, TVector b1, ref TVector c0, ref TVector c1)
        {
            var factor = TLanes.Create(*a);
            c0 = TLanes.MultiplyAdd(factor, b0, c0);
            if (TVectors.Value > 1) c1 = TLanes.MultiplyAdd(factor, b1, c1);
        }

        [MethodImpl(AggressiveInlining)] void Write(T* c, TVector c0, TVector c1)
        {
            if (TVectors.Value > 1)
            {
                TLanes.Store(accumulate ? TLanes.Add(TLanes.Load(c), c0) : c0, c);
                c += TLanes.Width;
                c0 = c1;
            }
            TLanes.StoreFirst(accumulate ? TLanes.Add(TLanes.LoadFirst(c, last, default), c0) : c0, c, last);
        }
    }

    /// <summary>
    /// The same for a height known only now, and two vectors of a row where it has them: where it has one, half would be wasted.
    /// </summary>
    public static void Multiply<TSegments>(
        int rows, nint inner, T* a, nint aRow, nint aStep, T* b, nint bStep, T* c, nint ldc, int columns, bool accumulate,
        nint segments = 1, nint aSegment = 0, nint bSegment = 0) where TSegments : struct, IConstant<bool>
    {
        switch (rows)
        {
            case 1: Of<N1>(); break;
            case 2: Of<N2>(); break;
            case 3: Of<N3>(); break;
            case 4: Of<N4>(); break;
            case 5: Of<N5>(); break;
            case 6: Of<N6>(); break;
            case 7: Of<N7>(); break;
            case 8: Of<N8>(); break;
            case 9: Of<N9>(); break;
            case 10: Of<N10>(); break;
            case 11: Of<N11>(); break;
            case 12: Of<N12>(); break;
            case 13: Of<N13>(); break;
            case 14: Of<N14>(); break;
        }

        [MethodImpl(AggressiveInlining)] void Of<TRows>() where TRows : struct, IConstant<int>
        {
            if (columns > TLanes.Width) Multiply<TRows, N2, TSegments>(
                inner, a, aRow, aStep, b, bStep, c, ldc, columns, accumulate, segments, aSegment, bSegment);
            else Multiply<TRows, N1, TSegments>(inner, a, aRow, aStep, b, bStep, c, ldc, columns, accumulate, segments, aSegment, bSegment);
        }
    }

    /// <summary>Into how many tiles that many rows are cut, all as high as each other but for one row.</summary>
    public static int Count(int rows) => (rows + TLanes.TileRows - 1) / TLanes.TileRows;
}

internal readonly struct Yes : IConstant<bool> { public static bool Value => true; }

internal readonly struct No : IConstant<bool> { public static bool Value => false; }

internal readonly struct N1 : IConstant<int> { public static int Value => 1; }

internal readonly struct N2 : IConstant<int> { public static int Value => 2; }

internal readonly struct N3 : IConstant<int> { public static int Value => 3; }

internal readonly struct N4 : IConstant<int> { public static int Value => 4; }

internal readonly struct N5 : IConstant<int> { public static int Value => 5; }

internal readonly struct N6 : IConstant<int> { public static int Value => 6; }

internal readonly struct N7 : IConstant<int> { public static int Value => 7; }

internal readonly struct N8 : IConstant<int> { public static int Value => 8; }

internal readonly struct N9 : IConstant<int> { public static int Value => 9; }

internal readonly struct N10 : IConstant<int> { public static int Value => 10; }

internal readonly struct N11 : IConstant<int> { public static int Value => 11; }

internal readonly struct N12 : IConstant<int> { public static int Value => 12; }

internal readonly struct N13 : IConstant<int> { public static int Value => 13; }

internal readonly struct N14 : IConstant<int> { public static int Value => 14; }
