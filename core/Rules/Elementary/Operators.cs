using Hybrid.Rules;

namespace Hybrid.Autodiff;

/// <content>
/// Arithmetic, so that a formula reads as in its paper; shapes broadcast as in <see cref="Rules.Add"/>. A number stands for a constant.
/// </content>
public partial class Variable<T>
{
    /// <summary>−x.</summary>
    public static Variable<T> operator -(Variable<T> x) => x.Negate();

    /// <summary>a + b.</summary>
    public static Variable<T> operator +(Variable<T> a, Variable<T> b) => a.Add(b);

    /// <summary>a − b.</summary>
    public static Variable<T> operator -(Variable<T> a, Variable<T> b) => a.Subtract(b);

    /// <summary>a b, element by element.</summary>
    public static Variable<T> operator *(Variable<T> a, Variable<T> b) => a.Multiply(b);

    /// <summary>a / b, element by element.</summary>
    public static Variable<T> operator /(Variable<T> a, Variable<T> b) => a.Divide(b);

    /// <summary>x + number.</summary>
    public static Variable<T> operator +(Variable<T> x, double number) => x.Add(Number(number, x));

    /// <summary>number + x.</summary>
    public static Variable<T> operator +(double number, Variable<T> x) => Number(number, x).Add(x);

    /// <summary>x − number.</summary>
    public static Variable<T> operator -(Variable<T> x, double number) => x.Subtract(Number(number, x));

    /// <summary>number − x.</summary>
    public static Variable<T> operator -(double number, Variable<T> x) => Number(number, x).Subtract(x);

    /// <summary>factor x.</summary>
    public static Variable<T> operator *(double factor, Variable<T> x) => x.Scale(factor);

    /// <summary>x factor.</summary>
    public static Variable<T> operator *(Variable<T> x, double factor) => x.Scale(factor);

    /// <summary>x / number.</summary>
    public static Variable<T> operator /(Variable<T> x, double number) => x.Divide(Number(number, x));

    /// <summary>number / x.</summary>
    public static Variable<T> operator /(double number, Variable<T> x) => Number(number, x).Divide(x);

    /// <summary>A number as a constant on the tape of another variable.</summary>
    internal static Variable<T> Number(double number, Variable<T> beside)
    {
        var tape = Forms.TapeOf(beside);
        return tape.Constant(Tensor<T>.RentFilled(tape.Arena, Shape.Scalar, T.CreateChecked(number)));
    }
}
